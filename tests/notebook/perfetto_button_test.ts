import assert from "node:assert/strict";
import { perfettoButton } from "../../lib/notebook/perfetto_button.ts";

/** Stands for the Perfetto UI: answers PING, and sends what it is handed to its server. */
const UI = `<!doctype html><title>ui</title><script>
addEventListener("message", async (event) => {
  if (event.data === "PING") event.source.postMessage("PONG", event.origin);
  else if (event.data.perfetto) {
    const { buffer, title } = event.data.perfetto;
    await fetch("/got?title=" + encodeURIComponent(title), { method: "POST", body: buffer });
  }
});
</script>`;

const html = (body: string) =>
  new Response(body, { headers: { "content-type": "text/html; charset=utf-8" } });

Deno.test("the button hands the trace to the Perfetto UI, and nothing leaves the page before it is pressed", async () => {
  const sent = crypto.getRandomValues(new Uint8Array(50_000));
  const title = `<img src=x onerror=alert(1)></script>"'`;
  const received = Promise.withResolvers<{ title: string; bytes: Uint8Array }>();
  const requests: string[] = [];
  let pressed = false;
  const serve = (handler: (request: Request, url: URL) => Response | Promise<Response>) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      return handler(request, new URL(request.url));
    });
  await using ui = serve(async (request, url) => {
    requests.push(`${request.method} ${url.pathname} ${pressed ? "after" : "before"}`);
    if (url.pathname !== "/got") return html(UI);
    received.resolve({ title: url.searchParams.get("title")!, bytes: await request.bytes() });
    return new Response();
  });
  const button = perfettoButton(sent, { title, ui: `http://127.0.0.1:${ui.addr.port}/` });
  await using page = serve((_, url) => {
    if (url.pathname === "/pressed") pressed = true;
    if (url.pathname !== "/") return new Response();
    return html(`<!doctype html><title>page</title>${button.html}<script>setTimeout(async () => {
      await fetch("/pressed");
      document.querySelector("button").click();
    }, 300)</script>`);
  });
  const profile = await Deno.makeTempDir();
  const browser = new Deno.Command("chromium", {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-popup-blocking",
      "--disable-background-networking",
      `--user-data-dir=${profile}`,
      "--remote-debugging-port=0",
      `http://127.0.0.1:${page.addr.port}/`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const late = setTimeout(() => received.reject(new Error("the UI was handed nothing in 60 s")), 60_000);
  try {
    const got = await received.promise;
    assert.equal(got.title, title);
    assert.deepEqual(got.bytes, sent);
    assert.ok(requests.every((request) => request.endsWith("after")), requests.join(", "));
  } finally {
    clearTimeout(late);
    browser.kill("SIGTERM");
    await browser.status;
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
});

Deno.test("a trace that is too large for a notebook is refused with what to do", () => {
  assert.throws(() => perfettoButton(new Uint8Array(11), { limit: 10 }), /11 bytes.*writePerfetto/s);
  assert.match(String(perfettoButton(new Uint8Array(1234))), /1,234 bytes/);
});

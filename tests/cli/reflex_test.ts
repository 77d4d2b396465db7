import assert from "node:assert/strict";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "reflex", ...args],
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("reflex -o 2 -q prints the one line in its old form", async () => {
  const { code, out, err } = await run(
    "-c",
    "8",
    "-a",
    "4",
    "-t",
    "0.01",
    "-o",
    "2",
    "-q",
    "--max-runs",
    "10",
  );
  assert.equal(code, 0, err);
  assert.match(out, /^8, {3}4, {3}\d+\.\d\d\n$/);
  assert.match(err, /^(FRC: failed to reach confidence\n)?$/);
});

Deno.test("reflex --json is the whole result; a sweep is a table; --find-weight names one", async () => {
  const quick = ["-c", "8", "-t", "0.01", "--min-runs", "2", "--max-runs", "2"];
  const one = await run(...quick, "--json");
  assert.equal(one.code, 0, one.err);
  const result = JSON.parse(one.out);
  assert.equal(result.runs.length, 2);
  assert.equal(result.options.active, 4);
  const sweep = await run(...quick, "--sweep", "-w", "50,90", "-r", "0,5");
  assert.equal(sweep.code, 0, sweep.err);
  assert.equal(sweep.out.trimEnd().split("\n").length, 6);
  assert.match(sweep.err, /4\/4: -c 8 -a 4 -w 90 -r 5/);
  const weight = await run(...quick, "--find-weight", "-w", "60,90", "-q");
  assert.equal(weight.code, 0, weight.err);
  assert.match(weight.out, /weight|nearest is/);
});

Deno.test("reflex: wrong usage exits 2, more than the machine allows 3, with one clear sentence", async () => {
  const wrong: [string[], number, RegExp][] = [
    [["-c", "3"], 2, /even number but found 3/],
    [["-a", "50"], 2, /40 children cannot stand in 50 active sets/],
    [["-w", "101"], 2, /from 0 to 100 but found 101/],
    [["-r", "-1"], 2, /from 0 .* but found -1/],
    [["-t", "0"], 2, /but found 0/],
    [["-t", "x"], 2, /--time to be a number/],
    [["stray"], 2, /options only but found stray/],
    [["--sweep", "-c", "4,6", "-a", "4"], 2, /6 children cannot stand in 4/],
    [["--sweep", "--find-weight"], 2, /exclude one another/],
    [["-c", "1000000"], 3, /1000000 children .*remedy: use fewer children/],
  ];
  await Promise.all(wrong.map(async ([args, expected, says]) => {
    const { code, out, err } = await run(...args);
    assert.equal(code, expected, `${args.join(" ")}: ${err}`);
    assert.equal(out, "");
    assert.match(err, says);
    assert.doesNotMatch(err, /\n {4}at /);
  }));
});

Deno.test("Ctrl-C ends reflex with one line, and what was measured until then is told", async () => {
  for (const [time, done] of [["100", false], ["0.05", true]] as const) {
    // Ctrl-C reaches the whole process group, so both are in one of their own.
    const child = new Deno.Command("setsid", {
      args: [
        Deno.execPath(),
        "run",
        "-A",
        MAIN,
        "reflex",
        "-c",
        "8",
        "-t",
        time,
        "--max-runs",
        "9999",
        "--width",
        "0.00001",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const err: string[] = [];
    let sent = false;
    const interrupt = () => {
      sent = true;
      new Deno.Command("kill", { args: ["-INT", "--", `-${child.pid}`] }).outputSync();
    };
    const group = () => {
      const found = new Deno.Command("pgrep", { args: ["-g", String(child.pid), "schedscope-refl"] })
        .outputSync();
      return found.stdout.length > 0;
    };
    const reading = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        err.push(text);
        if (done && !sent && text.includes("run 2")) interrupt();
      }
    })();
    const deadline = performance.now() + 20e3;
    while (!done && !group() && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!done) interrupt();
    const out = await new Response(child.stdout).text();
    const { code } = await child.status;
    await reading;
    if (done) {
      assert.equal(code, 0, err.join(""));
      assert.match(out, /FRC, failed to reach confidence/);
    } else {
      assert.equal(code, 1, err.join(""));
      assert.equal(out, "");
      assert.match(err.join(""), /^schedscope reflex: interrupted\n$/);
    }
    assert.ok(!group(), "no child is left");
  }
});

import assert from "node:assert/strict";
import type { Figure } from "../../lib/plot/mod.ts";

const FOLDER = new URL("../golden/plot/", import.meta.url);

/**
 * Compares the bytes of a figure with `tests/golden/plot/NAME.svg`. With `SCHEDSCOPE_UPDATE=1`, or `deno test ... -- -u`, it
 * writes that file instead: look at it before committing it.
 */
export async function assertGolden(figure: Figure, name: string): Promise<void> {
  const file = new URL(`${name}.svg`, FOLDER);
  if (Deno.env.get("SCHEDSCOPE_UPDATE") === "1" || Deno.args.includes("-u")) {
    await Deno.writeTextFile(file, figure.svg + "\n");
  }
  const golden = await Deno.readTextFile(file);
  const at = firstDifference(figure.svg + "\n", golden);
  assert.equal(
    at,
    -1,
    `${name}.svg differs from byte ${at}: found ${JSON.stringify(figure.svg.slice(at - 40, at + 40))} ` +
      `where the file has ${JSON.stringify(golden.slice(at - 40, at + 40))}`,
  );
}

/** Parses `xml` with Python's expat, which knows nothing of HTML. Returns the tag of each element. */
export async function xmlTags(xml: string): Promise<string[]> {
  const python = new Deno.Command("python3", {
    args: [
      "-c",
      "import json,sys,xml.etree.ElementTree as E; print(json.dumps([e.tag for e in E.fromstring(sys.stdin.buffer.read()).iter()]))",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = python.stdin.getWriter();
  await writer.write(new TextEncoder().encode(xml));
  await writer.close();
  const { success, stdout, stderr } = await python.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function firstDifference(a: string, b: string): number {
  if (a === b) return -1;
  let at = 0;
  while (a[at] === b[at]) at++;
  return at;
}

import assert from "node:assert/strict";
import { nativeProgram } from "../../lib/native/mod.ts";

function run(...args: string[]): { code: number; out: string; err: string } {
  const { code, stdout, stderr } = new Deno.Command(nativeProgram("schedscope-reflex"), { args })
    .outputSync();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("-o 2 -q prints the one line in its old form", () => {
  const { code, out, err } = run(
    "-c",
    "80",
    "-a",
    "40",
    "-w",
    "90",
    "-r",
    "1",
    "-t",
    "0.05",
    "-o",
    "2",
    "-q",
  );
  assert.equal(code, 0);
  assert.match(out, /^80, {3}40, {3}\d+\.\d\d\n$/);
  assert.equal(err, "");
});

Deno.test("words, notes and help", () => {
  const { code, out, err } = run("-c", "2", "-a", "2", "-t", "0.02");
  assert.equal(code, 0);
  assert.match(out, /^\d+\.\d\d us\/round: \d+ rounds of 2 children in 2 active sets/);
  assert.match(err, /-w has no effect/);
  assert.match(run("--help").out, /exit status/);
});

Deno.test("wrong usage exits 2 or 3 with one clear sentence", () => {
  const wrong: [string[], number, RegExp][] = [
    [["-c", "3"], 2, /even number.*"3"/],
    [["-a", "50"], 2, /40 children cannot stand in 50 active sets/],
    [["-w", "101"], 2, /from 0 to 100.*"101"/],
    [["-r", "-1"], 2, /us of work.*"-1"/],
    [["-t", "0"], 2, /seconds.*"0"/],
    [["-c", "1000000"], 3, /1000000 children (are more threads than this kernel allows|need \d+ open files)/],
  ];
  for (const [args, expected, says] of wrong) {
    const { code, out, err } = run(...args);
    assert.equal(code, expected, args.join(" "));
    assert.equal(out, "");
    assert.match(err, says);
  }
});

import assert from "node:assert/strict";
import { memorySource } from "../../../lib/trace/byte_source.ts";
import { read } from "../../../lib/trace/perf_data/mod.ts";
import { splice } from "../../seeded.ts";
import { makePerfData, takeApart } from "./make_perf_data.ts";
import { recordWithPerf } from "./record_with_perf.ts";

const TRACING_DATA = 1;

/** The file with `from` replaced by `to` in the format text of the event `name`. */
function withFormat(file: Uint8Array, name: string, from: RegExp, to: string): Uint8Array {
  const pieces = takeApart(file);
  const tracing = pieces.features.get(TRACING_DATA)!;
  const text = new TextDecoder("latin1").decode(tracing);
  const at = text.indexOf(`name: ${name}\n`);
  const size = Number(new DataView(tracing.buffer, tracing.byteOffset).getBigUint64(at - 8, true));
  const format = text.slice(at, at + size);
  const changed = format.replace(from, to);
  assert.notEqual(changed, format);
  const spliced = splice(tracing, at, at + size, Uint8Array.from(changed, (char) => char.charCodeAt(0)));
  new DataView(spliced.buffer).setBigUint64(at - 8, BigInt(changed.length), true);
  return makePerfData({ ...pieces, features: new Map(pieces.features).set(TRACING_DATA, spliced) });
}

Deno.test("a scheduler event's format that makes no sense is refused: to read on would make wrong numbers", async () => {
  const dir = await Deno.makeTempDir();
  await recordWithPerf(`${dir}/perf.data`, ["perf", "bench", "sched", "pipe", "-l", "50"], "64K");
  const whole = await Deno.readFile(`${dir}/perf.data`);
  await Deno.remove(dir, { recursive: true });
  assert.deepEqual(makePerfData(takeApart(makePerfData(takeApart(whole)))), makePerfData(takeApart(whole)));
  const open = (name: string, from: RegExp, to: string) =>
    read(memorySource(withFormat(whole, name, from, to)));
  const intact = await read(memorySource(makePerfData(takeApart(whole))));
  assert.ok(intact.switches.length > 50);
  const refused: [from: RegExp, to: string][] = [
    [/prev_comm/, "other"],
    [/prev_prio/, "ts"],
    [/pid_t prev_pid/, "pid_t other"],
    [/common_pid/, "common_xyz"],
    [/offset:32;/, "offset:9007199254740992;"],
    [/pid_t prev_pid;\toffset:24;\tsize:4;/, "pid_t prev_pid;\toffset:25;\tsize:4;"],
    [/char next_comm\[16\]/, "int next_comm[4]"],
  ];
  for (const [from, to] of refused) {
    const error = /byte \d+: expected the formats of the recorded events but found Expected .*sched_switch/;
    await assert.rejects(
      open("sched_switch", from, to),
      { name: "TraceFormatError", message: error },
      `${from}`,
    );
  }
});

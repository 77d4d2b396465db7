import assert from "node:assert/strict";
import { TraceFormatError } from "../../../lib/trace/errors.ts";
import { startTracefs } from "../../../lib/trace/record/tracefs.ts";
import { assessQuality, type Quality } from "../../../lib/trace/quality.ts";
import { parseHeaderPage } from "../../../lib/trace/ring_buffer.ts";
import { DisorderedPages } from "../../../lib/trace/tracefs/cpu_cursor.ts";
import { open, sniff } from "../../../lib/trace/tracefs/mod.ts";
import { randomFrom, spoil } from "../../seeded.ts";
import { makeSwitches } from "../record/busy.ts";
import { walkPages } from "./walk_pages.ts";

const SEED = 20240607;

async function smallCapture(directory: string): Promise<string> {
  await using recorder = await startTracefs({
    output: `${directory}/small.tracefs`,
    irq: true,
    bufferKb: 64,
    drainEvery: 0,
  });
  await makeSwitches(300);
  return (await recorder.stop()).path;
}

function rowsOf({ holes, coverage, lost, share }: Quality): unknown {
  return { holes: holes.toJSON(), coverage: coverage.toJSON(), lost, share };
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("pages damaged in thousands of ways never throw, hang, or put a record out of place", async () => {
  const directory = await Deno.makeTempDir();
  const path = await smallCapture(directory);
  const layout = parseHeaderPage(Deno.readTextFileSync(`${path}/header_page`), true);
  const random = randomFrom(SEED);
  const known = new Uint8Array(65536).fill(1, 1);
  const files = [...Deno.readDirSync(`${path}/per_cpu`)].filter(({ name }) => name.endsWith(".raw"))
    .map(({ name }) => Deno.readFileSync(`${path}/per_cpu/${name}`)).filter((bytes) => bytes.length > 0);
  assert.ok(files.length > 0);
  let plain = 0;
  for (let i = 0; i < 6000; i++) {
    const bytes = spoil(files[i % files.length]!, random);
    const bounds = i % 2 === 0 ? undefined : { from: 0n, to: 1n << 50n };
    const options = { known, ...(bounds === undefined ? {} : { bounds }) };
    const walked = walkPages(bytes, layout, options);
    const { ts, holes } = walked;
    for (let row = 1; row < ts.length; row++) {
      if (!(ts[row]! >= ts[row - 1]!)) assert.fail(`case ${i}: row ${row} is before the one before it`);
    }
    // Where nobody looked at the stamps before, it is the same or it is known that somebody must.
    try {
      assert.deepEqual(walkPages(bytes, layout, { ...options, indexed: false }), walked, `case ${i}`);
      plain++;
    } catch (error) {
      if (!(error instanceof DisorderedPages)) throw error;
    }
    for (const hole of holes) {
      assert.ok(hole.from <= hole.to, `case ${i}: hole from ${hole.from} to ${hole.to}`);
    }
  }
  assert.ok(plain > 1000 && plain < 5500, `${plain} with stamps in order`);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a capture with any damaged file opens with holes, or says what is wrong with which file", async () => {
  const directory = await Deno.makeTempDir();
  const whole = await smallCapture(directory);
  const intact = await open(whole);
  const bad = `${directory}/bad.tracefs`;
  await copy(whole, bad);
  const random = randomFrom(SEED + 1);
  const files = [
    "meta.json",
    "header_page",
    "saved_cmdlines",
    "saved_tgids",
    "events/sched/sched_switch.format",
  ];
  const cpus = [...Deno.readDirSync(`${whole}/per_cpu`)].filter(({ name }) => name.endsWith(".raw"));
  for (const { name } of cpus) files.push(`per_cpu/${name}`, `per_cpu/${name}`, `per_cpu/${name}`);
  let opened = 0;
  let refused = 0;
  for (let i = 0; i < 800; i++) {
    const file = files[i % files.length]!;
    const bytes = await Deno.readFile(`${whole}/${file}`);
    await Deno.writeFile(`${bad}/${file}`, bytes.length === 0 ? bytes : spoil(bytes, random));
    try {
      const trace = await open(bad);
      opened++;
      for (const event of trace.counts.keys()) {
        const frame = trace.event(event);
        for (const name of frame.names) assert.equal(frame.column(name).length, frame.length);
      }
      assert.ok(trace.stream.length <= intact.stream.length * 3 + 1000);
      const { ts, length } = trace.stream;
      assert.deepEqual(trace.span, length === 0 ? { from: 0, to: 0 } : { from: ts[0]!, to: ts[length - 1]! });
      assert.deepEqual(rowsOf(trace.quality), rowsOf(assessQuality(trace.stream, trace.knownHoles)));
    } catch (error) {
      if (!(error instanceof TraceFormatError)) throw new Error(`case ${i}: ${file}`, { cause: error });
      assert.ok(error.message.startsWith(bad));
      refused++;
    }
    await Deno.writeFile(`${bad}/${file}`, bytes);
  }
  assert.ok(opened > 400 && refused > 25, `${opened} opened, ${refused} refused`);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what is no capture is refused by name", async () => {
  const directory = await Deno.makeTempDir();
  assert.equal(await sniff(directory), false);
  assert.equal(await sniff(`${directory}/none`), false);
  await assert.rejects(open(directory), TraceFormatError);
  await Deno.writeTextFile(`${directory}/meta.json`, `{"format":"else"}`);
  assert.equal(await sniff(directory), false);
  await assert.rejects(open(directory), /byte 1: expected format "schedscope-tracefs" but found "else"/);
  await Deno.writeTextFile(`${directory}/meta.json`, `{"format":"schedscope-tracefs","é":0,"version":7}`);
  await assert.rejects(open(directory), /meta.json: byte 38: expected version 1 but found 7/);
  await Deno.writeTextFile(`${directory}/meta.json`, `{"format":x}`);
  await assert.rejects(open(directory), /meta.json: byte 10: expected JSON but found/);
  const path = await smallCapture(directory);
  assert.equal(await sniff(path), true);
  await Deno.remove(`${path}/per_cpu`, { recursive: true });
  const trace = await open(path);
  assert.equal(trace.stream.length, 0);
  await Deno.remove(directory, { recursive: true });
});

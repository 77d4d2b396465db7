import type { ByteWriter } from "./byte_writer.ts";
import type { TimehistPrintOptions } from "./options.ts";

/** Width of the column with the task's name. */
export const TASK_WIDTH = 30;
const DASH = "-";

/** Writes the three lines above the rows. `maxCpu` is the highest CPU, for `cpuVisual`. */
export function writeHeader(out: ByteWriter, options: TimehistPrintOptions, maxCpu: number): void {
  const { cpuVisual, state, next } = options;
  const lane = Array.from({ length: maxCpu + 1 }, (_, cpu) => (cpu & 15).toString(16)).join("");
  const line = (time: string, cpu: string, lanes: string, task: string, columns: readonly string[]) => {
    out.text(`${time.padStart(15)} ${cpu.padStart(6)} `);
    if (cpuVisual === true) out.text(` ${lanes} `);
    out.text(` ${task.padEnd(TASK_WIDTH)}`);
    for (const column of columns) out.text(`  ${column.padStart(10)}`);
  };
  line("time", "cpu", lane, "task name", ["wait time", "wake delay", "preempted", "run time"]);
  if (state === true) out.text("  state");
  if (next === true) out.text("  next task");
  out.byte(0x0a);
  line("", "", " ".repeat(lane.length), "[tid/pid]", ["(msec)", "(msec)", "(msec)", "(msec)"]);
  out.byte(0x0a);
  const dashes = DASH.repeat(10);
  line(DASH.repeat(15), DASH.repeat(6), DASH.repeat(lane.length), DASH.repeat(TASK_WIDTH), [
    dashes,
    dashes,
    dashes,
    dashes,
  ]);
  if (state === true) out.text(`  ${DASH.repeat(5)}`);
  out.byte(0x0a);
}

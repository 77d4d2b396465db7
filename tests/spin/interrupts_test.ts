import assert from "node:assert/strict";
import { interruptsBetween, readInterrupts } from "../../lib/bench/mod.ts";
import { readSteal } from "../../lib/bench/steal.ts";

const before = `           CPU0       CPU2
  1:          9          0   IO-APIC   1-edge      i8042
LOC:        100        200   Local timer interrupts
TLB:          5          6   TLB shootdowns
ERR:          0
`;
const after = `           CPU0       CPU2
  1:          9          0   IO-APIC   1-edge      i8042
 33:          0          2   PCI-MSI 1-edge      nvme0q1
LOC:        150        200   Local timer interrupts
TLB:          5         16   TLB shootdowns
ERR:          3
`;

Deno.test("the difference of two readings, by line and CPU", () => {
  const rows = [...interruptsBetween(readInterrupts(before), readInterrupts(after)).rows()];
  assert.deepEqual(rows, [
    { irq: "33", name: "PCI-MSI 1-edge nvme0q1", cpu: 2, count: 2 },
    { irq: "LOC", name: "Local timer interrupts", cpu: 0, count: 50 },
    { irq: "TLB", name: "TLB shootdowns", cpu: 2, count: 10 },
  ]);
  assert.equal(interruptsBetween(readInterrupts(before), readInterrupts(after), [0]).length, 1);
});

Deno.test("this machine's /proc/interrupts and /proc/stat are read as awk reads them", () => {
  const counters = readInterrupts();
  const awk = (program: string, file: string) =>
    new TextDecoder().decode(new Deno.Command("awk", { args: [program, file] }).outputSync().stdout).trim();
  const [low, high] = [
    counters.lines.get("LOC")?.counts[0] ?? 0,
    Number(awk('$1 == "LOC:" { print $2 }', "/proc/interrupts")),
  ];
  assert.ok(high >= low && high - low < 10_000, `${low}, then ${high}`);
  const steal = readSteal();
  const later = Number(awk('$1 == "cpu0" { print $9 }', "/proc/stat")) * 1e7;
  assert.ok(later >= steal.get(0)! && later - steal.get(0)! < 1e9, `${steal.get(0)}, then ${later}`);
});

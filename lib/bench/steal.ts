/**
 * ns of steal that each CPU has had since boot, by /proc/stat: time in which a vCPU wanted to run and the hypervisor ran something
 * else. The kernel shows it in ticks of 10 ms.
 */
export function readSteal(text: string = Deno.readTextFileSync("/proc/stat")): Map<number, number> {
  const steal = new Map<number, number>();
  for (const [, cpu, fields] of text.matchAll(/^cpu(\d+) (.*)$/gm)) {
    steal.set(Number(cpu), Number(fields!.split(" ")[7] ?? 0) * 1e7);
  }
  return steal;
}

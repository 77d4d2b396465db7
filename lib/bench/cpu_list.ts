/** The CPUs of a list as the kernel writes it: `"0,2-3"` is 0, 2, 3. Throws a RangeError for other text. */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const part of text.trim().split(",")) {
    const match = part.match(/^(\d+)(?:-(\d+))?$/);
    if (!match) throw new RangeError(`Expected a list of CPUs such as "0,2-3" but found "${text}"`);
    const from = Number(match[1]), to = Number(match[2] ?? match[1]);
    if (to < from) throw new RangeError(`Expected an ascending range of CPUs but found "${part}"`);
    for (let cpu = from; cpu <= to; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** The CPUs that this process may use. */
export function allowedCpus(): number[] {
  const list = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1];
  if (!list) throw new Error("/proc/self/status has no line Cpus_allowed_list");
  return parseCpuList(list);
}

import type { TraceClock, TraceHost } from "../trace.ts";

/** What the lines in front of a text (those with #) tell. */
export class HeaderFacts {
  readonly #perf = new Map<string, string>();
  #cpus: number | undefined;
  /** Events that were overwritten before the first one that is there. */
  overwritten = 0;
  #lines = 0;

  /** Looks at a line that begins with `#`. */
  add(bytes: Uint8Array): void {
    // There are as many as there are kinds of facts; what a hostile text has beyond that is not looked at.
    if (++this.#lines > 4096) return;
    const line = new TextDecoder().decode(bytes.subarray(0, 4096));
    const fact = /^# ([a-z ]+?) *: (.*)$/.exec(line);
    if (fact !== null && !this.#perf.has(fact[1]!)) this.#perf.set(fact[1]!, fact[2]!.trim());
    const entries = /^# entries-in-buffer\/entries-written: (\d{1,15})\/(\d{1,15}) +#P:(\d{1,5})/.exec(line);
    if (entries !== null) {
      this.overwritten = Math.max(0, Number(entries[2]) - Number(entries[1]));
      this.#cpus = Number(entries[3]);
    }
    const latency = /^# .* latency trace v\S+ on (\S+)/.exec(line);
    if (latency !== null) this.#perf.set("os release", latency[1]!);
  }

  /** The machine. */
  host(): TraceHost {
    const text = (key: string) => this.#perf.get(key);
    const number = (key: string) => {
      const value = Number.parseInt(this.#perf.get(key) ?? "", 10);
      return Number.isSafeInteger(value) ? value : undefined;
    };
    const memory = number("total memory");
    const version = text("perf version");
    const command = text("cmdline");
    const facts: Record<keyof TraceHost, TraceHost[keyof TraceHost]> = {
      hostname: text("hostname"),
      release: text("os release"),
      arch: text("arch"),
      cpu: text("cpudesc"),
      cpusOnline: number("nrcpus online") ?? this.#cpus,
      cpusAvailable: number("nrcpus avail"),
      memory: memory === undefined ? undefined : memory * 1024,
      recorder: version === undefined ? undefined : `perf ${version}`,
      command: command?.split(" ").filter((word) => word !== ""),
    };
    return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  }

  /** The clock, and the `resolution` of its stamps in ns. */
  clock(resolution: number): TraceClock {
    const id = /^(\w+)/.exec(this.#perf.get("clockid") ?? "")?.[1];
    const name = { monotonic: "mono", monotonic_raw: "mono_raw", boottime: "boot" }[id ?? ""] ?? id ??
      "unknown";
    return { name, resolution };
  }
}

/** CLOCK_MONOTONIC of linux/time.h. */
const CLOCK_MONOTONIC = 1;

/** This machine's CLOCK_MONOTONIC. Deno's own clocks run as it does but from other starts, so the C library is asked. */
export class HostClock implements Disposable {
  readonly #library = Deno.dlopen("libc.so.6", {
    // int clock_gettime(clockid_t clock, struct timespec *time)
    clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  });
  readonly #time = new BigInt64Array(2);

  /** Nanoseconds. */
  now(): bigint {
    this.#library.symbols.clock_gettime(CLOCK_MONOTONIC, this.#time);
    return this.#time[0]! * 1_000_000_000n + this.#time[1]!;
  }

  /** Lets the library go. */
  [Symbol.dispose](): void {
    this.#library.close();
  }
}

import { displayBundle, isTable } from "./display_bundle.ts";
import { drainIopub, type IopubEndpoint } from "./drain_iopub.ts";
import { type Displayable, displaySymbol, isDisplayable, type Kernel } from "./kernel.ts";

/** The kernel calls this after each cell that did not throw, and waits for it before it says that it is idle. */
type BroadcastResult = (executionCount: number, result: unknown) => Promise<void>;

/** Waits for what has been broadcast so far, see {@linkcode flusher}. */
export type Flush = () => Promise<void>;

/**
 * A function that waits until all output so far has been sent, see {@linkcode drainIopub}.
 *
 * Where the kernel's endpoint cannot be found (no `/proc`, or a transport that is not TCP) or does not answer, it waits
 * 50 ms, 1 ms for each line written to the console and 1 ms for each 30 KB, which is what a kernel on an idle machine
 * needs.
 */
export function flusher(kernel: Kernel): Flush {
  const endpoint = iopubEndpoint();
  let silent = 0;
  let spent: (() => number) | undefined = endpoint === undefined ? countOutput() : undefined;
  return async () => {
    // One turn of the event loop, in which rejections that nobody awaited are reported.
    await delay(0);
    if (spent !== undefined) return await delay(50 + spent());
    if (await drainIopub(kernel, endpoint!)) silent = 0;
    else if (++silent === 2) spent = countOutput();
  };
}

/**
 * Makes each cell end only after `flush`; called once by `setup`.
 *
 * The hook is private to Deno, so it is tested for: false if it is not there. A cell that throws bypasses it: lines
 * printed just before a throw may still come late.
 */
export function flushAfterCells(flush: Flush): boolean {
  const hooks = privateHooks();
  const original = hooks?.broadcastResult;
  if (hooks === undefined || original === undefined) return false;
  const wrapped: BroadcastResult = async (executionCount, result) => {
    const form = isDisplayable(result) || isTable(result) ? await displayOnce(result) : result;
    await original(executionCount, form);
    await flush();
  };
  return Reflect.set(hooks, "broadcastResult", wrapped);
}

/** The bundle of `value`, made here: if its display method throws, the kernel would call the cell a success. */
async function displayOnce(value: object): Promise<Displayable> {
  const bundle = await displayBundle(value);
  return { [displaySymbol]: () => bundle };
}

function privateHooks(): { broadcastResult?: BroadcastResult } | undefined {
  const deno = Deno as unknown as
    & Record<symbol, { jupyter?: { broadcastResult?: BroadcastResult } } | undefined>
    & {
      internal?: symbol;
    };
  const hooks = deno.internal === undefined ? undefined : deno[deno.internal]?.jupyter;
  return typeof hooks?.broadcastResult === "function" ? hooks : undefined;
}

/** The endpoint in the connection file that this process was started with (`--conn FILE`). */
function iopubEndpoint(): IopubEndpoint | undefined {
  try {
    const argv = Deno.readTextFileSync("/proc/self/cmdline").split("\0");
    const path = argv[argv.indexOf("--conn") + 1];
    if (!argv.includes("--conn") || path === undefined) return undefined;
    const file = JSON.parse(Deno.readTextFileSync(path));
    if (file.transport !== "tcp" || !Number.isInteger(file.iopub_port)) return undefined;
    return { hostname: String(file.ip), port: file.iopub_port };
  } catch {
    return undefined;
  }
}

/** Counts console output from now on; the function returned gives the milliseconds that it needs, and starts anew. */
function countOutput(): () => number {
  let needed = 0;
  for (const name of ["log", "info", "debug", "warn", "error"] as const) {
    const print = console[name];
    console[name] = (...args: unknown[]) => {
      needed += 1 + args.reduce((sum: number, arg) => sum + String(arg).length, 0) / 30_000;
      print(...args);
    };
  }
  return () => {
    const now = needed;
    needed = 0;
    return now;
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

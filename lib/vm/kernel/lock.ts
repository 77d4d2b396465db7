import { dirname } from "node:path";

/** Options of {@linkcode withLock}. */
export interface LockOptions {
  /** Ends the waiting. */
  signal?: AbortSignal;
  /** Told once when another holds the lock. */
  onWait?: () => void;
}

/** How often it is tried. */
const EVERY_MS = 200;

/**
 * Does `work` while no other process, and no one else in this one, holds the lock of the file at `path`, which is made where it does not
 * exist and stays. The kernel frees it when its holder dies.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { create: true, write: true });
  let told = false;
  while (!await file.tryLock(true)) {
    if (!told) options.onWait?.();
    told = true;
    options.signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  try {
    options.signal?.throwIfAborted();
    return await work();
  } finally {
    await file.unlock();
  }
}

/** Does `work` where the lock of the file at `path` is free, and holds it meanwhile; where it is held, nothing. */
export async function freeLock(path: string, work: () => Promise<void>): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  using file = await Deno.open(path, { create: true, write: true });
  if (!await file.tryLock(true)) return;
  try {
    await work();
  } finally {
    await file.unlock();
  }
}

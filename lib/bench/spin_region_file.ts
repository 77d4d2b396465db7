import { headSize, RegionHead, RegionThread, threadSize } from "./spin_region.ts";

const prefix = "schedscope-spin-";

function isAlive(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

/** Removes the files of processes that died between making one and handing it over. */
function sweep(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split("-")[0]) : NaN;
    if (Number.isInteger(owner) && !isAlive(owner)) {
      try {
        Deno.removeSync(`${directory}/${name}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) {
          throw error;
        }
      }
    }
  }
}

/**
 * The file in which a run leaves its region, on a memory file system if there is one.
 *
 * The name goes away as soon as the other side has opened it ({@linkcode SpinRegionFile.unlink}), so that nothing is left behind
 * however either side ends.
 */
export class SpinRegionFile implements Disposable {
  /** Its path, until it is unlinked. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  #linked = true;

  /** Makes an empty file. */
  constructor() {
    let directory = "/dev/shm";
    try {
      sweep(directory);
    } catch {
      directory = Deno.env.get("TMPDIR") || "/tmp"; // no /dev/shm: a slower, but correct place
      sweep(directory);
    }
    this.path = `${directory}/${prefix}${Deno.pid}-${crypto.randomUUID()}`;
    this.#file = Deno.openSync(this.path, { createNew: true, read: true, write: true, mode: 0o600 });
  }

  /** The head as it is now. */
  head(): RegionHead {
    return new RegionHead(this.#read(0, headSize));
  }

  /** The counters of each thread as they are now, without histograms and gaps: cheap enough to look at while it runs. */
  counters(head: RegionHead): RegionThread[] {
    return this.#blocks(head, (counters) => counters);
  }

  /** All of each thread. */
  threads(head: RegionHead): RegionThread[] {
    return this.#blocks(head, (counters, from) => new RegionThread(head, this.#read(from, counters.used)));
  }

  /** Takes the name away; the contents stay for those who have it open. */
  unlink(): void {
    if (this.#linked) Deno.removeSync(this.path);
    this.#linked = false;
  }

  /** Removes and closes it. */
  [Symbol.dispose](): void {
    this.unlink();
    this.#file.close();
  }

  #blocks(
    head: RegionHead,
    complete: (counters: RegionThread, from: number) => RegionThread,
  ): RegionThread[] {
    return Array.from({ length: head.blocks }, (_, i) => {
      const from = head.threadsOffset + i * head.threadStride;
      return complete(new RegionThread(head, this.#read(from, threadSize)), from);
    });
  }

  #read(offset: number, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    let filled = 0;
    while (filled < size) {
      const n = this.#file.readSync(bytes.subarray(filled));
      if (n === null) break;
      filled += n;
    }
    return bytes.subarray(0, filled);
  }
}

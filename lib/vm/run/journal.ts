import { visibleText } from "../../frame/visible_text.ts";
import { cacheKey } from "../cache.ts";
import { VmError } from "../errors.ts";

/** What every entry begins with. */
const SCHEMA = "schedscope-vm-journal/1";

/** A directory with one entry for each cell that is finished, so that a matrix goes on where it was interrupted. */
export class Journal {
  /** The directory; undefined for none: then nothing is kept. */
  readonly directory: string | undefined;

  /** Keeps entries in `directory`, which is made with the first one. */
  constructor(directory: string | undefined) {
    this.directory = directory;
  }

  /**
   * The entry `key`; undefined where there is none. One that is damaged (cut, changed, not of this program) is none, and `damaged` is called
   * with a sentence that says so.
   */
  async read(key: string, damaged: (why: string) => void): Promise<unknown> {
    if (this.directory === undefined) return undefined;
    const path = this.#path(key);
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new VmError(
        `The journal's entry ${visibleText(path)} cannot be read: ${
          error instanceof Error ? visibleText(error.message) : error
        }; allow it, or name another directory`,
        { cause: error },
      );
    }
    const problem = (why: string) => {
      damaged(`The journal's entry ${visibleText(path)} ${why}: that run is done again`);
      return undefined;
    };
    try {
      const entry = JSON.parse(text) as { schema?: unknown; key?: unknown; sum?: unknown; body?: unknown };
      if (entry === null || typeof entry !== "object" || entry.schema !== SCHEMA) {
        return problem(`is not of ${SCHEMA}`);
      }
      if (entry.key !== key) return problem("is of another run");
      if (entry.sum !== cacheKey(JSON.stringify(entry.body))) return problem("was changed or cut");
      return revived(entry.body);
    } catch (error) {
      if (error instanceof SyntaxError) return problem("is damaged");
      throw error;
    }
  }

  /** Keeps `body` as the entry `key`: whole or not at all, also where this process is killed meanwhile. */
  async write(key: string, body: unknown): Promise<void> {
    if (this.directory === undefined) return;
    const kept = JSON.parse(JSON.stringify(body, (_, value) => numberAsText(value)));
    const text = JSON.stringify({ schema: SCHEMA, key, sum: cacheKey(JSON.stringify(kept)), body: kept });
    await Deno.mkdir(this.directory, { recursive: true });
    const temporary = await Deno.makeTempFile({ dir: this.directory, prefix: ".writing-" });
    try {
      await Deno.writeTextFile(temporary, `${text}\n`);
      await Deno.rename(temporary, this.#path(key));
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
  }

  #path(key: string): string {
    return `${this.directory}/${key}.json`;
  }
}

/** What JSON has no number for. */
const TEXTS: Readonly<Record<string, number>> = {
  "\0NaN": NaN,
  "\0Infinity": Infinity,
  "\0-Infinity": -Infinity,
};

function numberAsText(value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? `\0${value}` : value;
}

function revived(value: unknown): unknown {
  if (typeof value === "string") return TEXTS[value] ?? value;
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revived(each)]));
}

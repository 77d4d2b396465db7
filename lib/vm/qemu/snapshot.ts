import { createHash } from "node:crypto";
import { visibleText } from "../../frame/visible_text.ts";
import { VmError } from "../errors.ts";

/** First bytes of a snapshot; the length of the description follows as 32 bits, little-endian, then it, then QEMU's stream. */
const MAGIC = new TextEncoder().encode("SSVMSNAP1\n");

/** Longest description that is read. */
const MOST_DESCRIPTION = 1 << 20;

/** What a snapshot is of. */
export interface SnapshotDescription {
  /** sha256 of all that must be the same where it is restored. */
  readonly key: string;
  /** For people, and to say what is not the same. */
  readonly parts: Readonly<Record<string, string>>;
}

/** What must be the same for a guest to go on from a snapshot: QEMU, its arguments, and the bytes of the kernel and the RAM disk. */
export async function describeGuest(
  qemuVersion: string,
  machine: readonly string[],
  files: Readonly<Record<string, string | undefined>>,
): Promise<SnapshotDescription> {
  const paths = new Map(Object.entries(files).map(([name, path]) => [path, name]));
  const parts: Record<string, string> = {
    qemu: qemuVersion,
    arguments: machine.map((word) => paths.has(word) ? `<${paths.get(word)}>` : word).join(" "),
  };
  for (const [name, path] of Object.entries(files)) {
    if (path !== undefined) parts[name] = await sha256Of(path);
  }
  const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  return { key, parts };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path, { read: true });
  const chunk = new Uint8Array(1 << 20);
  for (let size = await file.read(chunk); size !== null; size = await file.read(chunk)) {
    hash.update(chunk.subarray(0, size));
  }
  return hash.digest("hex");
}

/**
 * Writes the stream that `conn` delivers to `path`, which appears when `whole` is resolved. Throws a {@linkcode VmError} where it
 * cannot, and leaves nothing.
 */
export async function writeSnapshot(
  path: string,
  description: SnapshotDescription,
  conn: Deno.Conn,
  whole: Promise<void>,
): Promise<void> {
  const temporary = `${path}.${Deno.pid}.part`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
      const text = new TextEncoder().encode(JSON.stringify(description));
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, text.length, true);
      for (const bytes of [MAGIC, length, text]) await writeAll(file, bytes);
      const chunk = new Uint8Array(1 << 20);
      for (let size = await conn.read(chunk); size !== null; size = await conn.read(chunk)) {
        await writeAll(file, chunk.subarray(0, size));
      }
    }
    await whole;
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new VmError(
      `The snapshot ${path} could not be written: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** A snapshot that is open at QEMU's stream. */
export interface OpenSnapshot extends Disposable {
  /** Writes the stream to `conn`. */
  send(conn: { write(bytes: Uint8Array): Promise<number> }): Promise<void>;
}

/**
 * Opens the snapshot at `path` for the guest that `wanted` describes. Throws a {@linkcode VmError} where it is none, or of another
 * guest, and then says what is not the same.
 */
export async function openSnapshot(path: string, wanted: SnapshotDescription): Promise<OpenSnapshot> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (cause) {
    throw new VmError(
      `The snapshot ${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  try {
    const found = await readDescription(file, path);
    if (found.key !== wanted.key) {
      throw new VmError(`The snapshot ${path} is of another guest: ${difference(found, wanted)}`);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    async send(conn) {
      const chunk = new Uint8Array(1 << 20);
      for (let size = await file.read(chunk); size !== null; size = await file.read(chunk)) {
        await writeAll(conn, chunk.subarray(0, size));
      }
    },
    [Symbol.dispose]: () => file.close(),
  };
}

async function readDescription(file: Deno.FsFile, path: string): Promise<SnapshotDescription> {
  const head = await readExactly(file, MAGIC.length + 4);
  if (head !== undefined && MAGIC.every((byte, index) => head[index] === byte)) {
    const length = new DataView(head.buffer).getUint32(MAGIC.length, true);
    const text = length <= MOST_DESCRIPTION ? await readExactly(file, length) : undefined;
    try {
      if (text !== undefined) {
        const { key, parts } = JSON.parse(new TextDecoder().decode(text));
        if (typeof key === "string" && typeof parts === "object" && parts !== null) return { key, parts };
      }
    } catch {
      // As with any other description that is none.
    }
  }
  throw new VmError(`${path} is not a snapshot that schedscope wrote, or is damaged; make another one`);
}

/** What is not the same, in words. */
function difference(found: SnapshotDescription, wanted: SnapshotDescription): string {
  const names = [...new Set([...Object.keys(found.parts), ...Object.keys(wanted.parts)])]
    .filter((name) => found.parts[name] !== wanted.parts[name]);
  return names.map((name) => {
    if (name === "kernel" || name === "initrd") return `the ${name} has other bytes`;
    const [was, is] = [found, wanted].map(({ parts }) => String(parts[name] ?? "none").split(" "));
    const only = (some: readonly string[], other: readonly string[]) =>
      visibleText(some.filter((word) => !other.includes(word)).join(" ")) || "less";
    return `${name}: it has ${only(was!, is!)}, this one ${only(is!, was!)}`;
  }).join("; ") || "its description does not tell what is not the same";
}

async function readExactly(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const size = await file.read(bytes.subarray(at));
    if (size === null) return undefined;
    at += size;
  }
  return bytes;
}

async function writeAll(to: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

import { VmError } from "../errors.ts";

/** Where an entry of a manifest counts: always, or only in an L1 guest that is to have guests of its own. */
interface Conditional {
  /** "nested": only with `buildInitrd("l1", { nested: true })`. Default: always. */
  readonly when?: "nested";
}

/** `{"directory": "/proc", "mode": "0555"}`: an empty directory. Those that a file lies in need not be named. */
export interface ManifestDirectory extends Conditional {
  /** Its path in the guest. */
  readonly directory: string;
  /** Its permission bits, octal. Default "0755". */
  readonly mode?: string;
}

/** `{"node": "/dev/null", "type": "char", "major": 1, "minor": 3, "mode": "0666"}`: a device node. */
export interface ManifestNode extends Conditional {
  /** Its path in the guest. */
  readonly node: string;
  /** A character device or a block device. */
  readonly type: "char" | "block";
  /** Its major number. */
  readonly major: number;
  /** Its minor number. */
  readonly minor: number;
  /** Its permission bits, octal. Default "0600". */
  readonly mode?: string;
}

/** `{"symlink": "/bin/sh", "target": "busybox"}`: a symbolic link. */
export interface ManifestSymlink extends Conditional {
  /** Its path in the guest. */
  readonly symlink: string;
  /** What it points to. */
  readonly target: string;
}

/** A file, from one of four places: `from`, `program`, `native`, `given`. */
export interface ManifestFile extends Conditional {
  /** Its path in the guest. */
  readonly file: string;
  /** Its permission bits, octal. Default: "0755" where this machine's file is executable, else "0644". */
  readonly mode?: string;
  /** A file beside the manifest, by its path from there. */
  readonly from?: string;
  /** A program of this machine, looked up on PATH; where it is not static, what it needs comes along. */
  readonly program?: string;
  /** For `program`: the Debian package that has it, for the message where it is missing. */
  readonly package?: string;
  /** For `program`: a directory of the guest that gets a symbolic link for each name that the program lists with `--list` (busybox). */
  readonly applets?: string;
  /** One of schedscope's own static programs. */
  readonly native?: string;
  /** What the caller gives: the kernel of the L2 guests, or their initrd. */
  readonly given?: "kernel" | "l2";
}

/** Files that a program opens while it runs. */
export interface ManifestOpens {
  /** Their names. */
  readonly files: readonly string[];
  /** Directories to look in, from the program's own. */
  readonly in: readonly string[];
  /** Whether the program runs without them, as where a distribution has built them in. Default false. */
  readonly optional?: boolean;
}

/**
 * `{"closure": "qemu-system-x86_64", "package": "qemu-system-x86", "opens": [{"files": ["bios-256k.bin"], "in": ["../share/qemu"]}]}`:
 * a program with its interpreter, its libraries and what it opens while it runs, at the same places as on this machine.
 */
export interface ManifestClosure extends Conditional {
  /** The program, looked up on PATH. */
  readonly closure: string;
  /** The Debian package that has it, for the message where it is missing. */
  readonly package: string;
  /** What it opens: modules, with the libraries they need, and data. Default: nothing. */
  readonly opens?: readonly ManifestOpens[];
}

/** One entry of a manifest. */
export type ManifestEntry =
  | ManifestDirectory
  | ManifestNode
  | ManifestSymlink
  | ManifestFile
  | ManifestClosure;

const text = (value: unknown) => typeof value === "string" && value !== "";
const path = (value: unknown) => typeof value === "string" && value.startsWith("/");
const mode = (value: unknown) => typeof value === "string" && /^0[0-7]{3,4}$/.test(value);
const number = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const texts = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(text);
const opens = (value: unknown) =>
  Array.isArray(value) && value.every((each) => wrong(each, OPENS, "") === undefined);

/** A field: what its value must be, as a test and in words, and whether it must be there. */
type Field = readonly [test: (value: unknown) => boolean, words: string, required?: true];

const OPENS: Readonly<Record<string, Field>> = {
  files: [texts, "a list of names", true],
  in: [texts, "a list of directories", true],
  optional: [(value) => typeof value === "boolean", "true or false"],
};

const when: Field = [(value) => value === "nested", `"nested"`];
const bits: Field = [mode, `permission bits such as "0755"`];
const guestPath: Field = [path, "an absolute path", true];

const KINDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  directory: { directory: guestPath, mode: bits, when },
  node: {
    node: guestPath,
    type: [(value) => value === "char" || value === "block", `"char" or "block"`, true],
    major: [number, "a whole number", true],
    minor: [number, "a whole number", true],
    mode: bits,
    when,
  },
  symlink: { symlink: guestPath, target: [text, "a path", true], when },
  file: {
    file: guestPath,
    mode: bits,
    from: [text, "a path"],
    program: [text, "a name"],
    package: [text, "a name"],
    applets: [path, "an absolute path"],
    native: [text, "a name"],
    given: [(value) => value === "kernel" || value === "l2", `"kernel" or "l2"`],
    when,
  },
  closure: {
    closure: [text, "a name", true],
    package: [text, "a name", true],
    opens: [opens, `a list of {"files": [...], "in": [...]}`],
    when,
  },
};

/**
 * The entries of the manifest with this JSON `content`: `{"description": "...", "entries": [...]}`, where each entry is one of
 * {@linkcode ManifestEntry}. `name` is for the messages.
 *
 * Throws a {@linkcode VmError} that names the entry and the field if anything is not as described there.
 */
export function readManifest(content: string, name: string): ManifestEntry[] {
  let manifest: { entries?: unknown };
  try {
    manifest = JSON.parse(content);
  } catch (cause) {
    throw new VmError(`${name} is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof manifest !== "object" || manifest === null || !Array.isArray(manifest.entries)) {
    throw new VmError(`${name}: expected {"entries": [...]}`);
  }
  return manifest.entries.map((entry, index) => {
    const problem = problemOf(entry);
    if (problem !== undefined) {
      throw new VmError(`${name}: entry ${index + 1}: ${problem}, found ${JSON.stringify(entry)}`);
    }
    return entry as ManifestEntry;
  });
}

function problemOf(entry: unknown): string | undefined {
  const kind = Object.keys(KINDS).find((key) =>
    typeof entry === "object" && entry !== null && Object.hasOwn(entry, key)
  );
  if (kind === undefined) return `expected one of ${Object.keys(KINDS).join(", ")}`;
  const problem = wrong(entry, KINDS[kind]!, kind);
  if (problem !== undefined || kind !== "file") return problem;
  const places = ["from", "program", "native", "given"].filter((key) => Object.hasOwn(entry as object, key));
  return places.length === 1 ? undefined : "expected a file to have one of from, program, native, given";
}

function wrong(entry: unknown, fields: Readonly<Record<string, Field>>, kind: string): string | undefined {
  if (typeof entry !== "object" || entry === null) return "expected an object";
  for (const [key, value] of Object.entries(entry)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (field === undefined) return `a ${kind} has no "${key}"; it has ${Object.keys(fields).join(", ")}`;
    if (!field[0](value)) return `expected "${key}" to be ${field[1]}`;
  }
  const missing = Object.entries(fields).find(([key, [, , required]]) =>
    required && !Object.hasOwn(entry, key)
  );
  return missing === undefined ? undefined : `a ${kind} needs "${missing[0]}"`;
}

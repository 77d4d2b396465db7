import { visibleText } from "../frame/visible_text.ts";
import {
  buildInitrd,
  type Initrd,
  type InitrdCompression,
  type InitrdEntry,
  writeInitrd,
} from "../vm/initrd/mod.ts";
import { parseCommand } from "./args.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import { interruptible } from "./interrupted.ts";
import { writeStdout } from "./write_stdout.ts";

/** One line for the list of commands. */
export const summary = "make the initrd of a guest, or of one that has guests of its own";

const HELP =
  `Usage: schedscope vm initrd [l1|l2] [--nested --kernel FILE] [-o FILE] [--compress HOW] [--list] [--json]

Makes the initial RAM disk of a guest from the manifest in initrd/: init script, busybox, the schedscope programs, and with --nested QEMU
with all that it needs, the kernel of the inner guests and their initrd. It is made without cpio, ldd or root; the same contents give the
same bytes. It goes into the cache, named after its content, and its path is printed.

  l1 (default)  for a guest that QEMU starts on this machine: its agent does what the host asks
  l2            for a guest inside one: it runs the kernel's hwlat tracer

Options:
      --nested          l1 that shall have guests of its own
      --kernel FILE     with --nested: the kernel of those, a bzImage or a vmlinux with the PVH entry
  -o, --output FILE     copy it to FILE and print that path
      --compress HOW    none, gzip or zstd (default none: the fastest to boot); the guest's kernel must have CONFIG_RD_GZIP, CONFIG_RD_ZSTD
      --list            print what is in it, as "ls -l" does, and where each file came from
      --json            print {path, bytes, archiveBytes, sha256, compression, cached, entries}
  -h, --help            this text

Examples:
  schedscope vm initrd                              prints the path: qemu-system-x86_64 -initrd $(schedscope vm initrd) ...
  schedscope vm initrd --list                       what a guest gets, and from where
  schedscope vm initrd --nested --kernel bzImage    for guests inside the guest
  schedscope vm initrd l2 -o l2.cpio && cpio -itv < l2.cpio
  schedscope vm initrd --compress zstd -o l1.zst    a small one, to keep or to send

Words of the guest's kernel command line: schedscope.shell (a shell on the console instead of the agent); for l2 see initrd/l2/init.
`;

/** Runs the command; returns its exit code. */
export async function run(args: string[]): Promise<number> {
  const parsed = parseCommand(args, {
    nested: {},
    kernel: { value: true },
    output: { value: true, short: "o" },
    compress: { value: true },
    list: {},
    json: {},
  }, HELP);
  if (parsed === undefined) return ExitCode.Ok;
  const name = parsed.rest[0] ?? "l1";
  if (parsed.rest.length > 1 || (name !== "l1" && name !== "l2")) {
    throw new UsageError(`Expected l1 or l2 but found ${parsed.rest.join(" ")}`);
  }
  const compression = parsed.get("compress") ?? "none";
  if (!isCompression(compression)) {
    throw new UsageError(
      `Expected --compress to be none, gzip or zstd but found ${JSON.stringify(compression)}`,
    );
  }
  const nested = parsed.has("nested");
  const kernel = parsed.get("kernel");
  if (nested && name === "l2") throw new UsageError("--nested is for l1: an l2 guest has no guests");
  if (nested && kernel === undefined) {
    throw new UsageError("--nested needs --kernel, the kernel of the inner guests");
  }
  if (!nested && kernel !== undefined) {
    throw new UsageError("--kernel is for --nested: other initrds hold no kernel");
  }
  const output = parsed.get("output");
  if (output === "") throw new UsageError("Expected --output to name a file but found nothing");
  const initrd = await interruptible((signal) =>
    buildInitrd(name, { nested, compression, signal, ...kernel === undefined ? {} : { kernel } })
  );
  if (output !== undefined) await writeInitrd(initrd, output);
  const text = parsed.has("json")
    ? JSON.stringify({ ...initrd, path: output ?? initrd.path })
    : parsed.has("list")
    ? listing(initrd)
    : output ?? initrd.path;
  writeStdout(new TextEncoder().encode(`${text}\n`));
  return ExitCode.Ok;
}

function isCompression(text: string): text is InitrdCompression {
  return text === "none" || text === "gzip" || text === "zstd";
}

function listing({ entries, bytes, archiveBytes, compression }: Initrd): string {
  const lines = entries.map((entry) => {
    const from = entry.source === undefined ? "" : `  from ${entry.source}`;
    const to = entry.kind === "symlink"
      ? ` -> ${entry.target}`
      : entry.kind === "node"
      ? ` (${entry.target})`
      : "";
    return visibleText(`${modeText(entry)} ${String(entry.bytes).padStart(10)} ${entry.path}${to}${from}`);
  });
  const size = compression === "none"
    ? `${bytes} bytes`
    : `${bytes} bytes (${compression}) for ${archiveBytes}`;
  return [...lines, `${entries.length} entries, ${size}`].join("\n");
}

function modeText({ kind, mode, target }: InitrdEntry): string {
  const type = { file: "-", directory: "d", symlink: "l", node: target?.[0] ?? "c" }[kind];
  const bits = [6, 3, 0].map((shift) => {
    const three = mode >> shift & 7;
    return `${three & 4 ? "r" : "-"}${three & 2 ? "w" : "-"}${three & 1 ? "x" : "-"}`;
  }).join("");
  return `${type}${mode & 0o1000 ? bits.slice(0, -1) + "t" : bits}`;
}

import { visibleText } from "../../frame/visible_text.ts";
import type { GuestEnd } from "./guest_end.ts";
import type { ProcessEnd } from "./qemu_process.ts";

/** What is known when QEMU has ended. */
export interface EndEvidence {
  /** The `reason` of QEMU's `SHUTDOWN` event, where there was one. */
  readonly shutdown: string | undefined;
  /** Why we ended it, where we did. */
  readonly killed: string | undefined;
  /** What QEMU's run state was when it could not go on. */
  readonly failed: string | undefined;
  /** Whether we ended it because its kernel had panicked and did not restart. */
  readonly panicked: boolean;
  /** How the process ended. */
  readonly process: ProcessEnd;
  /** The last lines of the console. */
  readonly console: readonly string[];
}

/** The words with which a kernel says that it panics. */
export const PANIC = /Kernel panic - not syncing: ?(.*)$/;

/** The words with which a kernel says that it restarts. */
const RESTART = /reboot: Restarting|reboot: machine restart|sysrq: Resetting/i;

/** What is behind some panics of guests, and what helps. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [
    /deadlocked on memory|Out of memory|unpacking failed: write error/i,
    "the guest has too little memory: give it more (memory, in MiB)",
  ],
  [
    /unpacking failed/i,
    "the kernel could not unpack the initial RAM disk: damaged, or compressed in a way that it does not know",
  ],
  [
    /Unable to mount root fs|VFS: Cannot open root/i,
    "the kernel found no initial RAM disk that it can use: it needs one, CONFIG_BLK_DEV_INITRD, and /init in it",
  ],
  [/No working init/i, "the kernel cannot run /init of the initial RAM disk, nor any other"],
  [
    /Requested init .* failed|Attempted to kill init|Attempted to kill the idle/i,
    "the first program of the initial RAM disk ended; what it said is on the console",
  ],
];

/** What helps where QEMU ends with these words. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /load of migration failed|error while loading state/i,
    "the snapshot is damaged, or its guest was another one",
  ],
  [/initrd is too large/i, "give the guest more memory"],
  [
    /cannot (set up guest|allocate) memory/i,
    "the host has less memory free than the guest shall have: give it less",
  ],
];

/** How a guest ended, from what is known of it. */
export function classifyEnd(evidence: EndEvidence): GuestEnd {
  const { shutdown, killed, failed, process, console } = evidence;
  const end = (reason: GuestEnd["reason"], detail: string): GuestEnd => ({ reason, detail, console });
  const panic = console.map((line) => PANIC.exec(line)).findLast((match) => match !== null);
  if (shutdown === "guest-shutdown") return end("poweroff", "the guest powered itself off");
  if ((panic && (shutdown === "guest-reset" || evidence.panicked)) || shutdown === "guest-panic") {
    return end("panic", panicDetail(panic?.[1] ?? "", console));
  }
  if (shutdown === "guest-reset") {
    return console.some((line) => RESTART.test(line)) ? end("reset", "the guest restarted itself") : end(
      "triple-fault",
      "the guest's processor was reset and its kernel did not say why: a triple fault, or a panic before it had a console " +
        "(earlyprintk=ttyS0 on its command line would show it)",
    );
  }
  if (failed !== undefined) return end("failed", failed);
  // It may have ended by itself before the signal came.
  if (killed !== undefined && (process.code === undefined || shutdown !== undefined)) {
    return end("killed", killed);
  }
  if (shutdown !== undefined) return end("killed", `QEMU was told to end (${shutdown})`);
  const how = process.signal !== undefined
    ? `was killed by ${process.signal}`
    : process.code !== undefined
    ? `ended with code ${process.code}`
    : "does not end";
  const words = visibleText(lastLine(process.stderr));
  const hint = HINTS.find(([pattern]) => pattern.test(words))?.[1];
  return end(
    "died",
    `QEMU ${how}${words === "" ? " and said nothing" : `: ${words}`}${
      hint === undefined ? "" : ` (${hint})`
    }`,
  );
}

function panicDetail(message: string, console: readonly string[]): string {
  const said = visibleText(message.replace(/\.?\s*Try passing init=.*$/, "").trim()) || "no reason given";
  const cause = CAUSES.find(([pattern]) =>
    pattern.test(message) || console.some((line) => pattern.test(line))
  );
  return `the guest's kernel panicked: ${said}${cause === undefined ? "" : ` (${cause[1]})`}`;
}

/** QEMU's last error, without its own name in front. */
function lastLine(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const last = lines.findLast((line) => /^\S*qemu\S*: (?!warning)/.test(line)) ?? lines.at(-1) ?? "";
  return last.replace(/^\S*qemu\S*: /, "");
}

/** Most lines of the console that a message shows. */
const SHOWN = 12;

/** The last lines of a console for people, below a sentence; what follows the words of a panic is left out. */
export function consoleText(console: readonly string[]): string {
  const panic = console.findIndex((line) => PANIC.test(line));
  const lines = (panic < 0 ? console : console.slice(0, panic + 1)).filter((line) => line.trim() !== "")
    .slice(-SHOWN);
  if (lines.length === 0) return "\nThe console of the guest is empty.";
  return `\nThe last lines of its console:\n${
    lines.map((line) => `  ${visibleText(line).slice(0, 200)}`).join("\n")
  }`;
}

import { pick, type Random, spoil } from "../seeded.ts";
import { replaceNumber } from "./format_text.ts";

const decoder = new TextDecoder("latin1");
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const TOKENS = [
  ...[
    "[000]",
    "[65535]",
    "[65536]",
    "[99999999]",
    "[-1]",
    "==>",
    "prev_comm=",
    "next_pid=",
    "pid=",
    "S",
    "I",
    "next:",
  ],
  ...[
    "0.000",
    "-1",
    "99999999999999999999",
    "1e400",
    "NaN",
    "0x",
    "\0",
    "\xff\xfe",
    "\x1b[2J",
    "\t",
    "  ",
    "<idle>",
    "<...>",
  ],
  ...[
    "sched:sched_switch:",
    "sched_waking:",
    "# ",
    "CPU:1 [LOST 12 EVENTS]",
    "[LOST 99999999999 EVENTS]",
    "\r",
    "(",
    ")",
  ],
  ..."d..2.,d.h1.,awakened:,migrated:,cpu 0 => 1,PERF_RECORD_COMM:,comm=,-----,[tid/pid],  1.2.3:".split(","),
];

/** Numbers of lines: CPUs, threads, seconds. */
const NUMBERS = [
  ..."0,1,-1,2,255,1024,65535,65536,2147483647,2147483648,4294967295,4294967296,9007199254740993".split(","),
  ..."18446744073709551615,99999999999999999999999,0.0,000000000,1e5,0x7f,999999999.999999999,.5".split(","),
];

/** What a tool printed, with words, numbers and lines that it did not print. */
export function damageLines(text: Uint8Array, random: Random): Uint8Array {
  const lines = decoder.decode(text).split("\n");
  for (let i = pick(random, [1, 1, 2, 4, 20]); i > 0; i--) damageLine(lines, random);
  const damaged = latin1(lines.join(random(30) === 0 ? "\r\n" : "\n"));
  return random(8) === 0 ? spoil(damaged, random) : damaged;
}

function damageLine(lines: string[], random: Random): void {
  // What stands first tells what the text is.
  const at = random(3) === 0 ? random(Math.min(30, lines.length)) : random(lines.length);
  const line = lines[at] ?? "";
  const where = random(line.length + 1);
  const other = random(lines.length);
  switch (random(14)) {
    case 0:
    case 1:
    case 2:
      lines[at] = replaceNumber(line, random, NUMBERS);
      return;
    case 3:
      lines[at] = line.slice(0, where) + pick(random, TOKENS) + line.slice(where);
      return;
    case 4:
      lines[at] = line.slice(0, where) + pick(random, TOKENS).repeat(pick(random, [2, 30, 2000])) +
        line.slice(where);
      return;
    case 5:
      lines[at] = line.slice(0, where);
      return;
    case 6:
      lines.splice(at, pick(random, [1, 1, 10, 1000]));
      return;
    case 7:
      lines.splice(at, 0, ...Array(pick(random, [1, 2, 100])).fill(line));
      return;
    case 8:
      [lines[at], lines[other]] = [lines[other] ?? "", line];
      return;
    case 9: { // words of one line in another
      const words = (lines[other] ?? "").split(" ");
      const own = line.split(" ");
      own.splice(random(own.length), random(3), ...words.slice(random(words.length)).slice(0, 1 + random(5)));
      lines[at] = own.join(" ");
      return;
    }
    case 10:
      lines[at] = line + (lines[at + 1] ?? "");
      return;
    case 11:
      lines[at] = line.replaceAll(/\d+/g, () => replaceNumber("1", random, NUMBERS));
      return;
    case 12:
      lines[at] = line.replace(/ +/g, pick(random, ["", "\t", " ", " ".repeat(500), "\0"]));
      return;
    default:
      lines[at] = `${line.slice(0, where)}${String.fromCharCode(random(256))}${line.slice(where + 1)}`;
  }
}

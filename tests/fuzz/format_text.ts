import { join, pick, type Random, spoil } from "../seeded.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

const NUMBERS = [
  ..."0,1,2,3,4,5,7,8,9,15,16,31,32,64,255,256,1000,4096,32767,65535,65536,2147483647,4294967295".split(","),
  ..."-1,-8,1.5,1e9,0x10,99999999999999999999,9007199254740993,18446744073709551615,NaN".split(","),
  "",
  " ",
  "9".repeat(400),
];

const TYPES = [
  ..."int,char,unsigned long,u64,s8,pid_t,void *,const char *,bool,char[16],__data_loc char[],__rel_loc char[]"
    .split(","),
  ..."__data_loc u8[],__data_loc unsigned long[],__rel_loc struct x[],__data_loc char,unsigned long[6],u8[0]"
    .split(","),
  "int[99999999]",
  "struct { int x; }",
  "",
];

const NAMES = [
  "common_type",
  "common_pid",
  "prev_pid",
  "next_pid",
  "prev_comm",
  "ts",
  "cpu",
  "__proto__",
  "length",
  "",
];

/** A tracepoint's format text, or the ring buffer's `header_page`, in which something is not what it was. */
export function damageFormatText(text: Uint8Array, random: Random): Uint8Array {
  let damaged = decoder.decode(text);
  for (let i = pick(random, [1, 1, 2, 4]); i > 0; i--) damaged = damageOnce(damaged, random);
  return random(10) === 0 ? spoil(latin1(damaged), random) : latin1(damaged);
}

function damageOnce(text: string, random: Random): string {
  const lines = text.split("\n");
  const fields = lines.flatMap((line, i) => (line.includes("field") ? [i] : []));
  const at = fields.length > 0 && random(4) !== 0 ? pick(random, fields) : random(lines.length);
  const line = lines[at] ?? "";
  const put = (...by: string[]) => {
    lines.splice(at, 1, ...by);
    return lines.join("\n");
  };
  switch (random(14)) {
    case 0:
    case 1:
    case 2:
      return put(replaceNumber(line, random));
    case 3:
      return put(
        line.replace(
          /(field:).*?(\w+(?:\[[^\]]*\])?;)/,
          (_, head, name) => `${head}${pick(random, TYPES)} ${name}`,
        ),
      );
    case 4:
      return put(line.replace(/\w+(\[[^\]]*\])?;/, (_, array) => `${pick(random, NAMES)}${array ?? ""};`));
    case 5:
      return put();
    case 6: // a format text with many fields
      return put(...Array(pick(random, [2, 2, 10, 100, 5000])).fill(line));
    case 7: // all of another name and place
      return put(
        ...Array.from(
          { length: pick(random, [20, 300, 4500]) },
          (_, i) => `\tfield:int f${i};\toffset:${8 + i * 4};\tsize:4;\tsigned:1;`,
        ),
      );
    case 8:
      return text.replace(
        /^(ID|name):.*$/m,
        (_, key) => `${key}: ${pick(random, [...NUMBERS, ...NAMES, "\x1b[2J"])}`,
      );
    case 9:
      return put(
        line.slice(0, random(line.length + 1)) +
          pick(random, ["", ";", "\t", "\0", " ".repeat(2000), "[", "]"]),
      );
    case 10:
      return put(
        line.slice(0, random(line.length + 1)) + pick(random, ["a ", "x[1]", ";;", "\t\t"]).repeat(300),
      );
    case 11:
      return text.slice(0, random(text.length + 1));
    case 12: {
      const other = random(lines.length);
      [lines[at], lines[other]] = [lines[other]!, line];
      return lines.join("\n");
    }
    default: // two names for one place
      return put(line, line.replace(/(\w+)(\[[^\]]*\])?;/, (_, name, array) => `${name}2${array ?? ""};`));
  }
}

/** One number of `text` replaced by another. */
export function replaceNumber(text: string, random: Random, by: readonly string[] = NUMBERS): string {
  const found = [...text.matchAll(/\d+(?:\.\d+)?/g)];
  if (found.length === 0) return text;
  const { 0: now, index } = pick(random, found);
  const next = random(3) === 0 ? String(Number(now) + random(17) - 8) : pick(random, by);
  return text.slice(0, index) + next + text.slice(index + now.length);
}

/** A list as saved_cmdlines has it (a number and a name in each line), damaged. */
export function damageNameList(list: Uint8Array, random: Random): Uint8Array {
  const lines = decoder.decode(list).split("\n");
  for (let i = 1 + random(5); i > 0; i--) {
    const at = random(lines.length);
    const tid = pick(random, NUMBERS);
    const name = pick(random, ["", "a b", "\xff\xfe", "\x1b]0;x\x07", "<script>", "x".repeat(5000), "1 2 3"]);
    lines[at] = random(3) === 0 ? replaceNumber(lines[at]!, random) : `${tid} ${name}`;
  }
  const damaged = latin1(lines.join("\n"));
  return random(8) === 0 ? join([damaged, encoder.encode("\n1 a\n".repeat(20_000))]) : damaged;
}

import { type Column, DictColumn } from "../../frame/column.ts";
import { SOFTIRQ_NAMES } from "../softirq_names.ts";
import { encodeTaskName } from "../task_name.ts";
import { STATE_BITS } from "../text/state_letters.ts";
import type { EventTable } from "./event_table.ts";

/** The text of a table's row as the kernel prints it; each byte is one character. */
export type RowText = (row: number) => string;

/** How the kernel prints events of sources that do not tell it (include/trace/events/sched.h). */
const WAKEUP = '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu';
const PRINT: Readonly<Record<string, string>> = {
  "sched:sched_waking": WAKEUP,
  "sched:sched_wakeup": WAKEUP,
  "sched:sched_wakeup_new": WAKEUP,
  "sched:sched_process_fork": '"comm=%s pid=%d child_comm=%s child_pid=%d", ' +
    "REC->parent_comm, REC->parent_pid, REC->child_comm, REC->child_pid",
};

/** Letters of prev_state's bits, and how the bit behind them is shown. */
const STATES = Object.entries(STATE_BITS).filter(([, bit]) => bit !== 0);
const PREEMPTED = 0x100;

/**
 * Prints the rows of `table` by the format's own text where it has only plain fields in it, which most events' have; the
 * scheduler's, the interrupts' and softirqs' as the kernel does; and all others as `name=value`.
 */
export function rowText(table: EventTable): RowText {
  const values = new Map(table.fields.map(({ field, column }) => [field.name, textOf(column)]));
  const of = (name: string): RowText => values.get(name) ?? (() => "0");
  const numbers = (name: string): Column | undefined =>
    table.fields.find(({ field }) => field.name === name)?.column;
  switch (table.name) {
    case "sched:sched_switch": {
      const state = numbers("prev_state");
      const texts = new Map<number, string>();
      const [prevComm, prevPid, prevPrio] = [of("prev_comm"), of("prev_pid"), of("prev_prio")];
      const [nextComm, nextPid, nextPrio] = [of("next_comm"), of("next_pid"), of("next_prio")];
      return (row) => {
        const bits = Number((state as Int32Array)[row]);
        let letters = texts.get(bits);
        if (letters === undefined) texts.set(bits, letters = stateText(bits));
        return `prev_comm=${prevComm(row)} prev_pid=${prevPid(row)} prev_prio=${
          prevPrio(row)
        } prev_state=${letters}` +
          ` ==> next_comm=${nextComm(row)} next_pid=${nextPid(row)} next_prio=${nextPrio(row)}`;
      };
    }
    case "sched:sched_process_exit": {
      const dead = numbers("group_dead");
      const base = fields(["comm", "pid", "prio"], of);
      return dead === undefined
        ? base
        : (row) => `${base(row)} group_dead=${Number((dead as Int32Array)[row]) === 0 ? "false" : "true"}`;
    }
    case "irq:softirq_entry":
    case "irq:softirq_exit":
    case "irq:softirq_raise": {
      const vec = numbers("vec");
      return (row) => {
        const number = Number((vec as Int32Array | undefined)?.[row] ?? 0);
        return `vec=${number} [action=${SOFTIRQ_NAMES[number] ?? number}]`;
      };
    }
    case "irq:irq_handler_exit": {
      const [irq, ret] = [of("irq"), numbers("ret")];
      return (row) =>
        `irq=${irq(row)} ret=${
          Number((ret as Int32Array | undefined)?.[row] ?? 0) ? "handled" : "unhandled"
        }`;
    }
  }
  return printed(table.format.printFormat || (PRINT[table.name] ?? ""), table) ??
    fields([...values.keys()], of);
}

/** `S`, `R+`, `D|W` as the kernel writes prev_state. */
function stateText(bits: number): string {
  const letters = STATES.filter(([, bit]) => (bits & bit) !== 0).map(([letter]) => letter).join("|") || "R";
  return (bits & PREEMPTED) !== 0 ? `${letters}+` : letters;
}

function fields(names: readonly string[], of: (name: string) => RowText): RowText {
  const parts = names.map((name) => ({ name, text: of(name) }));
  return (row) => parts.map(({ name, text }) => `${name}=${text(row)}`).join(" ");
}

/** The texts of a column's cells. Names are the bytes that were recorded. */
function textOf(column: Column): RowText {
  if (column instanceof DictColumn) {
    const { codes } = column;
    const texts = column.dictionary.map((text) => latin1(encodeTaskName(text)));
    return (row) => texts[codes[row]!]!;
  }
  return (row) => String(column[row]);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** By a format's print text; undefined where it has more in it than directives for plain fields. */
function printed(printFormat: string, table: EventTable): RowText | undefined {
  const format = /^"((?:[^"\\]|\\.)*)"\s*((?:,.*)?)$/.exec(printFormat);
  if (format === null || /\\/.test(format[1]!)) return undefined;
  const args = format[2]!.split(",").slice(1).map((arg) =>
    /^(?:\(?REC->(\w+)\)?|__get_str\((\w+)\)|\(unsigned long long\)REC->(\w+))$/.exec(arg.trim())
  );
  const parts: RowText[] = [];
  const rest = format[1]!.split(/%(?=[^%])/);
  if (format[1]!.includes("%%") || rest.length !== args.length + 1) return undefined;
  for (const [i, piece] of rest.entries()) {
    if (i === 0) {
      parts.push(() => piece);
      continue;
    }
    const directive = /^(0?)(\d*)(?:l|ll|h|hh|z)?([dusix])/.exec(piece);
    const match = args[i - 1];
    const name = match?.[1] ?? match?.[2] ?? match?.[3];
    const found = table.fields.find(({ field }) => field.name === name);
    if (directive === null || found === undefined) return undefined;
    const [whole, zero, width, kind] = directive;
    const { column, field } = found;
    if ((kind === "s") !== (column instanceof DictColumn)) return undefined;
    const text = kind === "x" ? hexOf(column, field.size) : textOf(column);
    const pad = Number(width || 0);
    const tail = piece.slice(whole.length);
    parts.push((row) => text(row).padStart(pad, zero === "0" ? "0" : " ") + tail);
  }
  return (row) => {
    let text = "";
    for (let i = 0; i < parts.length; i++) text += parts[i]!(row);
    return text;
  };
}

function hexOf(column: Column, size: number): RowText {
  return (row) => BigInt.asUintN((size || 8) * 8, BigInt((column as Int32Array)[row]!)).toString(16);
}

import { type Column, DictColumn } from "../../frame/column.ts";
import type { EventField, EventFormat } from "../event_format.ts";
import type { EventTable } from "../write/event_table.ts";

/** The text of `events/SYSTEM/NAME/format` that `parseEventFormat` makes `format` of. */
export function formatText(format: EventFormat): string {
  const line = (field: EventField) =>
    `\tfield:${declaration(field)};\toffset:${field.offset};\tsize:${field.size};\tsigned:${
      field.signed ? 1 : 0
    };\n`;
  const common = format.fields.filter(({ name }) => name.startsWith("common_"));
  const own = format.fields.filter(({ name }) => !name.startsWith("common_"));
  return `name: ${format.name.slice(format.name.indexOf(":") + 1)}\nID: ${format.id}\nformat:\n` +
    `${common.map(line).join("")}\n${own.map(line).join("")}\nprint fmt: ${format.printFormat}\n`;
}

function declaration({ name, type, content }: EventField): string {
  const array = content === "dynamic" ? null : /^(.*?)\s*(\[[^\]]*\])$/.exec(type);
  return array === null ? `${type} ${name}` : `${array[1]} ${name}${array[2]}`;
}

const COMMON: readonly EventField[] = [
  field("common_type", "unsigned short", 0, 2, false),
  field("common_flags", "unsigned char", 2, 1, false),
  field("common_preempt_count", "unsigned char", 3, 1, false),
  field("common_pid", "int", 4, 4, true),
];

/** The kernel's way to print the scheduler's events (include/trace/events/sched.h), by the fields that they have. */
const PRINT: Readonly<Record<string, string>> = {
  "sched:sched_switch":
    '"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", ' +
    "REC->prev_comm, REC->prev_pid, REC->prev_prio, (REC->prev_state & 0xff) ? " +
    '__print_flags(REC->prev_state & 0xff, "|", { 0x01, "S" }, { 0x02, "D" }, { 0x04, "T" }, { 0x08, "t" }, ' +
    '{ 0x10, "X" }, { 0x20, "Z" }, { 0x40, "P" }, { 0x80, "I" }) : "R", REC->prev_state & 0x100 ? "+" : "", ' +
    "REC->next_comm, REC->next_pid, REC->next_prio",
  "sched:sched_process_fork": '"comm=%s pid=%d child_comm=%s child_pid=%d", ' +
    "REC->parent_comm, REC->parent_pid, REC->child_comm, REC->child_pid",
};
for (const name of ["sched_waking", "sched_wakeup", "sched_wakeup_new"]) {
  (PRINT as Record<string, string>)[`sched:${name}`] =
    '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu';
}

/** The table's format where that has a layout in bytes; else one with a layout made up, and the number `id`. */
export function laidOutFormat(table: EventTable, id: number): EventFormat {
  const { format } = table;
  if (format.fields.some(({ name, size }) => name === "common_type" && size === 2)) return format;
  let offset = 8;
  const place = (name: string, type: string, size: number, signed: boolean) => {
    offset = Math.ceil(offset / size) * size;
    const at = offset;
    offset += size;
    return field(name, type, at, size, signed);
  };
  const own = table.fields.map(({ field: { name }, column }): EventField => {
    if (name === "prev_state") return place(name, "long", 8, true);
    if (column instanceof DictColumn) {
      if (!/comm$/.test(name)) return { ...place(name, "__data_loc char[]", 4, false), content: "dynamic" };
      const at = offset;
      offset += 16;
      return { ...field(name, "char[16]", at, 16, false), count: 16, content: "string" };
    }
    return isWide(column)
      ? place(name, column instanceof BigUint64Array ? "u64" : "s64", 8, !(column instanceof BigUint64Array))
      : place(name, "int", 4, true);
  });
  const printFormat = own.every(({ name }) => PRINT[table.name]?.includes(name) === true)
    ? PRINT[table.name]!
    : genericPrint(own);
  return { name: table.name, id, fields: [...COMMON, ...own], printFormat };
}

function isWide(column: Column): boolean {
  return !(column instanceof Int32Array || column instanceof Uint16Array || column instanceof Uint8Array ||
    column instanceof Int16Array || column instanceof Int8Array);
}

function genericPrint(fields: readonly EventField[]): string {
  const parts = fields.map(({ name, content, size, signed }) => {
    if (content === "dynamic") return [`${name}=%s`, `__get_str(${name})`];
    if (content === "string") return [`${name}=%s`, `REC->${name}`];
    return [`${name}=%${size === 8 ? (signed ? "lld" : "llu") : "d"}`, `REC->${name}`];
  });
  return [`"${parts.map(([text]) => text).join(" ")}"`, ...parts.map(([, value]) => value)].join(", ");
}

function field(name: string, type: string, offset: number, size: number, signed: boolean): EventField {
  return { name, type, offset, size, signed, count: 1, content: "integer" };
}

import { fullName } from "../text/event_names.ts";
import { ProtoCursor } from "./proto_cursor.ts";

/** One field of a generic event. */
export interface GenericField {
  readonly name: string;
  readonly type: "int" | "uint" | "text";
  readonly low: number;
  readonly high: number;
  readonly from: number;
  readonly to: number;
}

/** Most fields of an event that are looked at. */
const MOST = 64;
/** Longest name of an event or a field. */
const LONGEST = 256;

/** Reads GenericFtraceEvents: events that Perfetto has no message for. */
export class GenericReader {
  readonly #outer = new ProtoCursor();
  readonly #inner = new ProtoCursor();
  readonly fields: GenericField[] = [];

  /** `system:name` of the event in `bytes[from, to)`, whose fields are then in `fields`; undefined where it makes no sense. */
  read(bytes: Uint8Array, from: number, to: number): string | undefined {
    const outer = this.#outer.reset(bytes, from, to);
    const inner = this.#inner;
    this.fields.length = 0;
    let name = "";
    while (outer.next()) {
      if (outer.type !== 2) continue;
      if (outer.field === 1 && outer.to - outer.from <= LONGEST) name = latin1(bytes, outer.from, outer.to);
      if (outer.field !== 2 || this.fields.length === MOST) continue;
      inner.reset(bytes, outer.from, outer.to);
      const field = { name: "", type: "int" as GenericField["type"], low: 0, high: 0, from: 0, to: 0 };
      while (inner.next()) {
        if (inner.field === 1 && inner.type === 2 && inner.to - inner.from <= LONGEST) {
          field.name = latin1(bytes, inner.from, inner.to);
        } else if (inner.field === 3 && inner.type === 2) {
          Object.assign(field, { type: "text", from: inner.from, to: inner.to });
        } else if ((inner.field === 4 || inner.field === 5) && inner.type === 0) {
          Object.assign(field, {
            type: inner.field === 4 ? "int" : "uint",
            low: inner.low,
            high: inner.high,
          });
        }
      }
      if (inner.broken) return undefined;
      if (field.name !== "") this.fields.push(field);
    }
    return outer.broken || name === "" ? undefined : fullName(name);
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

import { FlatTable, safeLong } from "./flat_buffer.ts";

/** One column of an Arrow schema. */
export interface ArrowField {
  readonly name: string;
  /** Number of the type in Arrow's Schema.fbs; that of the values where there is a dictionary. */
  readonly type: number;
  /** Width in bits, precision (1 single, 2 double) or unit, by type. */
  readonly width: number;
  readonly signed: boolean;
  /** Where the column has indices into a dictionary. */
  readonly dictionary?: { readonly id: number; readonly width: number; readonly signed: boolean };
  readonly metadata: ReadonlyMap<string, string>;
}

/** An Arrow schema. */
export interface ArrowSchema {
  readonly fields: readonly ArrowField[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** A record batch, or the values of a dictionary. */
export interface ArrowBatch {
  readonly length: number;
  /** Missing values of each column. */
  readonly nulls: readonly number[];
  /** Where each buffer lies in the body. */
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  /** How many data buffers each view column has. */
  readonly variadic: readonly number[];
  readonly body: Uint8Array;
}

/** What one message holds. */
export type ArrowMessage =
  | { readonly kind: "schema"; readonly schema: ArrowSchema }
  | { readonly kind: "dictionary"; readonly id: number; readonly delta: boolean; readonly batch: ArrowBatch }
  | { readonly kind: "batch"; readonly batch: ArrowBatch };

const MAGIC = "ARROW1";

/** Whether `bytes` begin as an Arrow file does; else they are a stream. */
export function isArrowFile(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 6)) === MAGIC;
}

/**
 * The messages of Arrow IPC in `bytes`, checked: format/Message.fbs, File.fbs and "IPC Streaming Format" of the Arrow columnar
 * format. A library reads damaged input without bounds; this throws a RangeError.
 */
export function* arrowMessages(bytes: Uint8Array): Generator<{ at: number; message: ArrowMessage }> {
  if (!isArrowFile(bytes)) return yield* streamMessages(bytes, 0);
  const end = bytes.length - 10;
  if (end < 8 || String.fromCharCode(...bytes.subarray(end + 4)) !== MAGIC) {
    throw new RangeError("the end of an Arrow file is missing: it was cut");
  }
  const view = viewOf(bytes);
  const length = view.getInt32(end, true);
  if (length <= 0 || length > end - 8) throw new RangeError(`a footer of ${length} bytes`);
  const footer = FlatTable.root(new DataView(view.buffer, view.byteOffset + end - length, length));
  const schema = footer.table(1);
  if (schema === undefined) throw new RangeError("a footer without schema");
  yield { at: end - length, message: { kind: "schema", schema: readSchema(schema) } };
  for (const field of [2, 3]) {
    for (const at of footer.vector(field, 24, safeLong)) {
      const found = readMessage(bytes, at);
      if (found === undefined) throw new RangeError(`no message at byte ${at}`);
      yield { at, message: found.message };
    }
  }
}

function* streamMessages(bytes: Uint8Array, at: number): Generator<{ at: number; message: ArrowMessage }> {
  while (at < bytes.length) {
    const found = readMessage(bytes, at);
    if (found === undefined) return;
    yield { at, message: found.message };
    at = found.end;
  }
}

/** The message at byte `at` and where it ends; undefined at the end of a stream. */
function readMessage(bytes: Uint8Array, at: number): { message: ArrowMessage; end: number } | undefined {
  const view = viewOf(bytes);
  let length = view.getInt32(at, true);
  let start = at + 4;
  if (length === -1) {
    length = view.getInt32(start, true);
    start += 4;
  }
  if (length === 0) return undefined;
  if (length < 0 || start + length > bytes.length) throw new RangeError(`a message of ${length} bytes`);
  const message = FlatTable.root(new DataView(view.buffer, view.byteOffset + start, length));
  const bodyStart = start + length;
  const bodyLength = message.long(3);
  if (bodyStart + bodyLength > bytes.length) throw new RangeError(`a body of ${bodyLength} bytes`);
  const body = bytes.subarray(bodyStart, bodyStart + bodyLength);
  const header = message.table(2);
  const kind = message.byte(1);
  if (header === undefined) throw new RangeError("a message without header");
  const end = bodyStart + bodyLength;
  if (kind === 1) return { message: { kind: "schema", schema: readSchema(header) }, end };
  if (kind === 3) return { message: { kind: "batch", batch: readBatch(header, body) }, end };
  const data = kind === 2 ? header.table(1) : undefined;
  if (data === undefined) throw new RangeError(`a message of kind ${kind}`);
  const id = header.long(0);
  const delta = header.byte(2) !== 0;
  return { message: { kind: "dictionary", id, delta, batch: readBatch(data, body) }, end };
}

function readSchema(schema: FlatTable): ArrowSchema {
  if (schema.short(0) !== 0) throw new RangeError("numbers in big-endian order");
  return { fields: schema.tables(1).map(readField), metadata: readMetadata(schema, 2) };
}

function readField(field: FlatTable): ArrowField {
  const type = field.byte(2);
  const details = field.table(3);
  const encoding = field.table(4);
  const index = encoding?.table(1);
  // Floating point (3) and the times (8, 9, 10, 18) have a 16-bit enumeration first, integers (2) their width.
  const width = type === 2
    ? details?.int(0) ?? 0
    : type === 9
    ? details?.int(1, 32) ?? 32
    : details?.short(0) ?? 0;
  return {
    name: field.text(0),
    type,
    width,
    signed: type === 2 && details?.byte(1) === 1,
    metadata: readMetadata(field, 6),
    ...(encoding === undefined ? {} : {
      dictionary: {
        id: encoding.long(0),
        width: index?.int(0) ?? 32,
        signed: index === undefined || index.byte(1) === 1,
      },
    }),
  };
}

function readMetadata(table: FlatTable, id: number): ReadonlyMap<string, string> {
  return new Map(table.tables(id).map((pair) => [pair.text(0), pair.text(1)]));
}

function readBatch(batch: FlatTable, body: Uint8Array): ArrowBatch {
  if (batch.table(3) !== undefined) throw new RangeError("compressed buffers; write the file uncompressed");
  return {
    length: batch.long(0),
    nulls: batch.vector(1, 16, (view, at) => safeLong(view, at + 8)),
    buffers: batch.vector(2, 16, (view, at) => {
      const offset = safeLong(view, at);
      const length = safeLong(view, at + 8);
      if (offset + length > body.length) throw new RangeError(`a buffer of ${length} bytes at ${offset}`);
      return { offset, length };
    }),
    variadic: batch.vector(4, 8, safeLong),
    body,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

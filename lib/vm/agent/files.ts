import * as fs from "node:fs";
import type { Connection, OpenRequest } from "./connection.ts";
import { Collected, CREDIT, CreditGiver } from "./credit.ts";
import type { PullOptions, PushOptions, RequestOptions } from "./options.ts";
import { type Input, InputSender } from "./send_input.ts";
import { Answer, Ask, PayloadReader, PayloadWriter } from "./wire.ts";

/** PUSH's and PULL's flags. */
const APPEND = 1;
const IN_PLACE = 2;
const FOLLOW = 1;

/** Writes a file of the guest; returns its bytes. */
export async function push(
  connection: Connection,
  path: string,
  data: Input,
  options: PushOptions,
): Promise<number> {
  const ask = new PayloadWriter().u32(options.mode ?? 0o644)
    .u32((options.append === true ? APPEND : 0) | (options.inPlace === true ? IN_PLACE : 0))
    .text(path, "a path").done();
  let sender: InputSender | undefined;
  let bytes = 0;
  try {
    await connection.request(`push ${path}`, options, (request) => {
      request.send(Ask.Push, ask);
      sender = new InputSender(connection, request, data);
    }, (type, payload) => {
      if (type === Answer.Credit) {
        sender!.credit(payload);
        return false;
      }
      if (type !== Answer.Done) throw new RangeError(`an answer of type ${type} to a push`);
      bytes = Number(new PayloadReader(payload).u64());
      return true;
    });
  } finally {
    sender?.stop();
  }
  return bytes;
}

/** How pages are read: whole ones, and if wanted for ever. */
export interface PullHow {
  /** Bytes that one read asks for; what comes is filled with zeros to that. Default: any. */
  readonly unit?: number;
  /** Wait for more at the end. Default: not. */
  readonly follow?: boolean;
  /** Handed what ends the following. */
  readonly onOpen?: (end: () => void) => void;
}

/** Reads a file of the guest into `sink`, whose bytes are valid only during the call; returns how many they were. */
export async function pullInto(
  connection: Connection,
  path: string,
  sink: (bytes: Uint8Array<ArrayBuffer>) => void,
  options: PullOptions,
  how: PullHow = {},
): Promise<number> {
  const limit = options.limit;
  if (limit !== undefined && !(limit >= 0)) {
    throw new RangeError(`Expected limit to be 0 or more bytes but found ${limit}`);
  }
  const ask = new PayloadWriter().u32(how.follow === true ? FOLLOW : 0).u32(how.unit ?? 0).u64(CREDIT)
    .u64(limit === undefined || limit === Infinity ? 0xffff_ffff_ffff_ffffn : Math.floor(limit))
    .text(path, "a path").done();
  const credit = new CreditGiver();
  let request: OpenRequest;
  let bytes = 0;
  await connection.request(`pull ${path}`, options, (opened) => {
    request = opened;
    opened.send(Ask.Pull, ask);
    how.onOpen?.(() => opened.send(Ask.End));
  }, (type, payload) => {
    if (type === Answer.Done) return true;
    if (type !== Answer.Data) throw new RangeError(`an answer of type ${type} to a pull`);
    bytes += payload.length;
    try {
      sink(payload);
    } catch (error) {
      request.fail(error);
      return false;
    }
    credit.taken(request, payload.length);
    options.onProgress?.(bytes);
    return false;
  });
  return bytes;
}

/** Reads a file of the guest. */
export async function pull(
  connection: Connection,
  path: string,
  options: PullOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const collected = new Collected();
  await pullInto(connection, path, (bytes) => collected.add(bytes), options);
  return collected.bytes();
}

/** Copies a file of the guest to `hostFile`, which is there whole or not at all; returns its bytes. */
export async function pullTo(
  connection: Connection,
  path: string,
  hostFile: string,
  options: PullOptions,
): Promise<number> {
  const temporary = `${hostFile}.${crypto.randomUUID()}`;
  const file = fs.openSync(temporary, "wx");
  let isOpen = true;
  try {
    const bytes = await pullInto(connection, path, (bytes) => writeAll(file, bytes), options);
    fs.closeSync(file);
    isOpen = false;
    fs.renameSync(temporary, hostFile);
    return bytes;
  } catch (error) {
    if (isOpen) fs.closeSync(file);
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes all of `bytes` to the open file `file`. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at, bytes.length - at, null);
}

/** A name in a directory of the guest. */
export interface GuestEntry {
  /** The name. */
  readonly name: string;
  /** Whether it is a directory; a link to one is not. */
  readonly isDirectory: boolean;
}

/** DT_DIR of readdir(3). */
const DIRECTORY = 4;

/** Names in a directory of the guest, sorted. */
export async function list(
  connection: Connection,
  path: string,
  options: RequestOptions,
): Promise<GuestEntry[]> {
  const entries: GuestEntry[] = [];
  await connection.request(
    `list ${path}`,
    options,
    (request) => request.send(Ask.List, new PayloadWriter().text(path, "a path").done()),
    (type, payload) => {
      if (type === Answer.Done) return true;
      if (type !== Answer.Data) throw new RangeError(`an answer of type ${type} to a list`);
      const reader = new PayloadReader(payload);
      while (reader.left > 0) {
        const isDirectory = reader.u8() === DIRECTORY;
        entries.push({ name: reader.text(), isDirectory });
      }
      return false;
    },
  );
  return entries.sort((x, y) => x.name < y.name ? -1 : x.name > y.name ? 1 : 0);
}

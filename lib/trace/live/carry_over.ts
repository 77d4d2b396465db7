import { Kind } from "../stream.ts";
import { isWakeup, type LiveRows, makeRows, mergeRows, pickRows } from "./live_rows.ts";

/** What a row is to a thread. */
const Role = { Out: 0, In: 1, Other: 2, Break: 3 } as const;
/** EXIT_DEAD and EXIT_ZOMBIE, as sched_switch reports them (since 4.14). */
const ENDED = 0x10 | 0x20;
/** prev_state's bits that say why a thread is not runnable. */
const BLOCKED = 0xff;
/** Rows of a thread beyond which those in the middle that only say that it was moved or woken again are left out. */
const MANY = 64;
const KEPT = 8;

/** Options of {@linkcode carryOver}. */
export interface CarryOptions {
  /** Threads that fell asleep before this (ns since the epoch) are forgotten: they are new when they wake. Default: none is. */
  forget?: number;
}

/**
 * The fewest rows that say what `rows` say of their end: who runs on each CPU since when, and what every other thread waits for
 * since when. A live trace begins its next interval with them, so that a wait of any length is known from its beginning.
 *
 * Of each thread these are its last switch-in and what came after it. A switch that only one of its two threads needs has idle in
 * place of the other, so that the chain of a CPU's switches is whole where it was, and broken where a record was missing that
 * matters. Where a CPU's records were incomplete last is told by a row of kind Lost: who waited there then may have run unseen.
 * What is kept is exact for the state at the end; the time before it is full of holes by design, and looks idle.
 */
export function carryOver(rows: LiveRows, options: CarryOptions = {}): LiveRows {
  const { forget = -Infinity } = options;
  const { length, kind, ts, cpu, a, b, c } = rows;
  /** By thread: row * 4 + role, from its last switch-in on. */
  const lives = new Map<number, number[]>();
  const current = new Map<number, number>();
  const lastSwitch = new Map<number, number>();
  const lastBreak = new Map<number, number>();
  const note = (tid: number, entry: number) => {
    const life = lives.get(tid);
    if (life === undefined) lives.set(tid, [entry]);
    else {
      life.push(entry);
      if (life.length > MANY) thin(life);
    }
  };
  for (let i = 0; i < length; i++) {
    const what = kind[i]!;
    if (what === Kind.Switch) {
      const on = cpu[i]!;
      const running = current.get(on);
      if (running !== undefined && running !== a[i]) {
        lastBreak.set(on, ts[i]!);
        if (running > 0) note(running, i * 4 + Role.Break);
      }
      if (a[i]! > 0) {
        // Who has ended is no more; the same number is another thread then.
        if ((b[i]! & ENDED) !== 0) lives.delete(a[i]!);
        else note(a[i]!, i * 4 + Role.Out);
      }
      if (c[i]! > 0) lives.set(c[i]!, [i * 4 + Role.In]);
      current.set(on, c[i]!);
      lastSwitch.set(on, i);
    } else if (isWakeup(what) || what === Kind.Migrate) {
      if (a[i]! > 0) note(a[i]!, i * 4 + Role.Other);
    } else if (what === Kind.Lost) {
      lastBreak.set(cpu[i]!, ts[i]!);
      const running = current.get(cpu[i]!);
      if (running !== undefined && running > 0) note(running, i * 4 + Role.Break);
    }
  }
  /** 1: row is kept, 2: with its a, 4: with its c. */
  const keep = new Uint8Array(length);
  for (const row of lastSwitch.values()) keep[row] = 5;
  for (const life of lives.values()) {
    if (isForgotten(life)) continue;
    for (const entry of life) {
      const role = entry & 3;
      keep[entry >>> 2]! |= role === Role.Out ? 3 : role === Role.In ? 5 : 1;
    }
  }
  const which: number[] = [];
  for (let i = 0; i < length; i++) if (keep[i]! > 0) which.push(i);
  const kept = pickRows(rows, which);
  for (let row = 0; row < which.length; row++) {
    if (kept.kind[row] !== Kind.Switch) continue;
    const wanted = keep[which[row]!]!;
    if ((wanted & 2) === 0) {
      kept.a[row] = 0;
      kept.b[row] = 0;
      kept.comm[row] = 0;
    }
    if ((wanted & 4) === 0) {
      kept.c[row] = 0;
      kept.nextComm[row] = 0;
    }
  }
  return mergeRows([breaks(lastBreak), kept]);

  function isForgotten(life: readonly number[]): boolean {
    const last = life.at(-1)!;
    const row = last >>> 2;
    return (last & 3) === Role.Out && (b[row]! & BLOCKED) !== 0 && ts[row]! < forget;
  }
}

/** Rows that say when each CPU's records were incomplete last. */
function breaks(last: ReadonlyMap<number, number>): LiveRows {
  const rows = makeRows(last.size, [""]);
  let row = 0;
  for (const [cpu, ts] of [...last].sort((x, y) => x[1] - y[1])) {
    rows.kind[row] = Kind.Lost;
    rows.cpu[row] = cpu;
    rows.pid[row] = -1;
    rows.tid[row] = -1;
    rows.ts[row++] = ts;
  }
  return rows;
}

/** Leaves out the middle of what only says that the thread was moved or woken again. */
function thin(life: number[]): void {
  const others = life.filter((entry) => (entry & 3) === Role.Other);
  const dropped = new Set(others.slice(KEPT, -KEPT));
  const left = life.filter((entry) => !dropped.has(entry));
  life.splice(0, life.length, ...left);
}

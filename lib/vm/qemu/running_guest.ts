import type { AgentChannel } from "../agent/agent_channel.ts";
import { VmError } from "../errors.ts";
import { classifyEnd, PANIC } from "./classify_end.ts";
import { ConsoleLog } from "./console_log.ts";
import type { Accelerator, Guest, Pinning, ShutdownOptions, SnapshotOptions, Vcpu } from "./guest.ts";
import type { GuestEnd } from "./guest_end.ts";
import { AGENT_PORT } from "./machine.ts";
import type { ConsoleLine } from "./options.ts";
import { migrateOut } from "./migrate.ts";
import type { QemuProcess } from "./qemu_process.ts";
import type { Qmp } from "./qmp.ts";
import type { RunDirectory } from "./run_directory.ts";
import { type SnapshotDescription, writeSnapshot } from "./snapshot.ts";

/** Milliseconds that a kernel that panicked has to restart before it is ended. */
const PANIC_GRACE = 3000;

/** Milliseconds that QEMU has to write its disks out before it is killed. */
const FLUSH_GRACE = 3000;

/** What {@linkcode RunningGuest} is made from. */
export interface GuestParts {
  readonly process: QemuProcess;
  readonly directory: RunDirectory;
  readonly accelerator: Accelerator;
  readonly qemuVersion: string;
  readonly cpuModel: string;
  readonly commandLine: readonly string[];
  /** Whether disks may have to be written out at the end. */
  readonly writable: boolean;
  readonly onConsole: ((line: ConsoleLine) => void) | undefined;
  /** What a snapshot of it is of. */
  readonly describe: () => Promise<SnapshotDescription>;
}

/** A guest from the start of its QEMU on; how far it is depends on what was attached. */
export class RunningGuest implements Guest {
  readonly accelerator: Accelerator;
  readonly qemuVersion: string;
  readonly cpuModel: string;
  readonly commandLine: readonly string[];
  readonly ended: Promise<GuestEnd>;
  vcpus: readonly Vcpu[] = [];
  pinning: Pinning = { kind: "none", reason: "not yet" };
  bootTime: number | undefined;
  startTime: number | undefined;
  /** When the QEMU process was started, by `performance.now()`. */
  readonly spawned = performance.now();
  /** The console, for those who wait for a line. */
  readonly log: ConsoleLog;
  readonly #parts: GuestParts;
  readonly #ports = new Map<string, Deno.Conn>();
  readonly #readers: Promise<unknown>[] = [];
  #agent: AgentChannel | undefined;
  #qmp: Qmp | undefined;
  #shutdown: string | undefined;
  #killed: string | undefined;
  #failed: string | undefined;
  #panicked = false;
  #panicTimer: ReturnType<typeof setTimeout> | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: GuestParts) {
    this.#parts = parts;
    this.accelerator = parts.accelerator;
    this.qemuVersion = parts.qemuVersion;
    this.cpuModel = parts.cpuModel;
    this.commandLine = parts.commandLine;
    this.log = new ConsoleLog((line) => {
      if (PANIC.test(line.text) || this.#panicTimer !== undefined) this.#watchPanic();
      parts.onConsole?.(line);
    });
    this.ended = this.#end();
  }

  get pid(): number {
    return this.#parts.process.pid;
  }

  /** QEMU. */
  get process(): QemuProcess {
    return this.#parts.process;
  }

  get console(): readonly ConsoleLine[] {
    return this.log.lines;
  }

  get qmp(): Qmp {
    if (this.#qmp === undefined) throw new VmError("QEMU's control channel is not open yet");
    return this.#qmp;
  }

  get agent(): AgentChannel {
    if (this.#agent !== undefined) return this.#agent;
    throw new VmError("This guest was started without waiting for its agent; start it with ready: agent");
  }

  port(name: string): Deno.Conn {
    const conn = this.#ports.get(name);
    if (conn !== undefined) return conn;
    throw new VmError(`The guest has no port ${JSON.stringify(name)}; name it in the option ports`);
  }

  /** Reads the console from `conn`. */
  attachConsole(conn: Deno.Conn): void {
    this.#readers.push(
      this.log.read(conn).catch((error) => {
        // A callback of the caller threw: its error is the caller's to see, and the guest is of no use without its console.
        this.kill(`what takes its console lines failed: ${error instanceof Error ? error.message : error}`);
      }).finally(() => close(conn)),
    );
  }

  /** Controls QEMU through `qmp`. */
  attachQmp(qmp: Qmp): void {
    this.#qmp = qmp;
    qmp.listen(({ event, data }) => {
      if (event === "SHUTDOWN") this.#shutdown ??= String(data["reason"] ?? "unknown");
      else if (event === "GUEST_PANICKED") this.#shutdown ??= "guest-panic";
      else if (event === "STOP") this.#asked(qmp);
    });
    this.#readers.push(qmp.closed);
  }

  /** Keeps `conn`, the host's end of the port `name`. */
  attachPort(name: string, conn: Deno.Conn): void {
    if (this.process.over) close(conn);
    else this.#ports.set(name, conn);
  }

  /** The agent's port, which is the channel's from then on. */
  takeAgentPort(): Deno.Conn {
    const conn = this.port(AGENT_PORT);
    this.#ports.delete(AGENT_PORT);
    return conn;
  }

  /** Speaks to the agent through `agent`. */
  attachAgent(agent: AgentChannel): void {
    this.#agent = agent;
  }

  /** Ends QEMU at once, because of `why`; {@linkcode GuestEnd.detail} says it. */
  kill(why: string): void {
    const { process, writable } = this.#parts;
    if (process.over) return;
    this.#killed ??= why;
    if (!writable) return process.kill();
    process.kill("SIGTERM");
    this.#flushTimer ??= setTimeout(() => process.kill(), FLUSH_GRACE);
  }

  async snapshot(file: string, options: SnapshotOptions = {}): Promise<void> {
    const { writable, describe, directory } = this.#parts;
    const { resume = false, timeout = 120_000, signal } = options;
    if (writable) throw new VmError("A snapshot holds no disks: make the disks of this guest read-only");
    const abort = () => this.kill("its snapshot was aborted");
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort, { once: true });
    const late = `its snapshot was not written within ${timeout / 1000} s`;
    const timer = setTimeout(() => this.kill(late), timeout);
    try {
      const description = await describe();
      await migrateOut(
        this.qmp,
        directory.socket("out"),
        (conn, whole) => writeSnapshot(file, description, conn, whole),
        signal,
      );
      if (resume) await this.qmp.execute("cont");
    } catch (error) {
      this.kill("its snapshot could not be written");
      await this.ended;
      signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
    if (resume) return;
    this.kill(`its state was written to ${file}`);
    await this.ended;
  }

  async shutdown(options: ShutdownOptions = {}): Promise<GuestEnd> {
    const { timeout = 10_000 } = options;
    const timer = setTimeout(
      () => this.kill(`it did not power itself off within ${timeout / 1000} s`),
      timeout,
    );
    try {
      // Where there is no agent, or it is gone, the deadline ends the guest.
      if (this.#agent === undefined) this.kill("it was ended, having no agent that could power it off");
      else await Promise.race([this.#agent.powerOff().catch(() => {}), this.ended]);
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("it was disposed of");
    await this.ended;
  }

  /** QEMU stopped the guest: asked for, or since it cannot go on. */
  #asked(qmp: Qmp): void {
    qmp.execute<{ status: string }>("query-status").then(({ status }) => {
      if (status !== "internal-error" && status !== "io-error") return;
      this.#failed = status === "io-error"
        ? "QEMU stopped the guest: a disk of it could not be read or written (is the host's disk full?)"
        : "QEMU stopped the guest: it could not carry out an instruction (emulation failure)";
      this.kill(this.#failed);
    }).catch(() => {
      // The channel is gone: the end of the process tells the rest.
    });
  }

  /**
   * A kernel that panicked and was told not to restart would stay for ever. Anew at each line that still comes; where the agent
   * answers, the words were not the kernel's own but those of a guest inside.
   */
  #watchPanic(): void {
    clearTimeout(this.#panicTimer);
    this.#panicTimer = setTimeout(async () => {
      if (this.#agent !== undefined && await answers(this.#agent)) {
        this.#panicTimer = undefined;
        return;
      }
      this.#panicked = true;
      this.kill("its kernel panicked");
    }, PANIC_GRACE);
  }

  async #end(): Promise<GuestEnd> {
    const { process, directory } = this.#parts;
    const ended = await process.ended;
    clearTimeout(this.#panicTimer);
    clearTimeout(this.#flushTimer);
    // A process that does not end keeps its sockets open.
    if (ended.code === undefined && ended.signal === undefined) this.#qmp?.close();
    else await Promise.all(this.#readers);
    clearTimeout(this.#panicTimer);
    await this.#agent?.[Symbol.asyncDispose]().catch(() => {});
    for (const conn of this.#ports.values()) close(conn);
    await directory[Symbol.asyncDispose]();
    return classifyEnd({
      shutdown: this.#shutdown,
      killed: this.#killed,
      failed: this.#failed,
      panicked: this.#panicked,
      process: ended,
      console: this.log.last(),
    });
  }
}

/** Whether the agent answers at all, within a time that a busy host needs at most. */
async function answers(agent: AgentChannel): Promise<boolean> {
  return await agent.readClock({ timeout: PANIC_GRACE }).then(() => true, () => false);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}

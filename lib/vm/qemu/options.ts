/** What to run the guest's instructions with; `auto` takes kvm where a probe guest truly boots under it, else tcg. */
export type AcceleratorChoice = "auto" | "kvm" | "tcg";

/** How far a guest must come before {@linkcode startGuest} gives it to the caller. */
export type GuestReadiness = "agent" | "init" | "running";

/** A disk of the guest: `/dev/vda`, `/dev/vdb`, ... in the order given. */
export interface GuestDrive {
  /** File or block device of the host. */
  readonly path: string;
  /** Default `raw`. */
  readonly format?: "raw" | "qcow2";
  /** The guest may not write to it. Default false. */
  readonly readOnly?: boolean;
}

/** How to start a guest. */
export interface GuestOptions {
  /** The kernel: a bzImage or a vmlinux with a PVH note. */
  readonly kernel: string;
  /** The initial RAM disk. Default none: the kernel must have one of its own. */
  readonly initrd?: string;
  /** Words to add to the kernel's command line, after schedscope's own. Default none. */
  readonly cmdline?: string;
  /** Memory in MiB. Default 512. */
  readonly memory?: number;
  /** Cores. Default 2. */
  readonly cores?: number;
  /** Hardware threads of each core that the guest sees. Default 2. */
  readonly threads?: number;
  /** Default `auto`. */
  readonly accelerator?: AcceleratorChoice;
  /** Whether guests shall run inside the guest with KVM (emulated SVM under TCG). Default false. */
  readonly nested?: boolean;
  /**
   * `auto` pins each vCPU to a CPU of the host, the threads of a core to the threads of a core, from the core after CPU 0's on;
   * a list has the CPU of each vCPU. Default `auto`.
   */
  readonly pin?: "auto" | false | readonly number[];
  /** Default none. */
  readonly drives?: readonly GuestDrive[];
  /** Names of further virtio-serial ports, reached by {@linkcode Guest.port}. Default none. */
  readonly ports?: readonly string[];
  /** Further arguments for QEMU, as they are. Default none. */
  readonly arguments?: readonly string[];
  /** Gets each line of the console when it is whole. */
  readonly onConsole?: (line: ConsoleLine) => void;
  /** Gets a sentence whenever the start enters another phase. */
  readonly onProgress?: (text: string) => void;
  /**
   * What the guest must have reached when `startGuest` resolves: its `agent` answers, its `init` was started, or its vCPUs are
   * `running`. Default `agent`.
   */
  readonly ready?: GuestReadiness;
  /** Most milliseconds from the first instruction to what `ready` says. Default 60 000. */
  readonly bootTimeout?: number;
  /** Ends the guest, at any time. */
  readonly signal?: AbortSignal;
  /** A file that {@linkcode Guest.snapshot} wrote; the other options must be those of the guest that wrote it. */
  readonly restoreFrom?: string;
}

/** A line of the guest's console. */
export interface ConsoleLine {
  /** When its last byte arrived, ns of the host since the guest's first instruction. */
  readonly ts: number;
  /** The line without its end; not made visible: what prints it does that. */
  readonly text: string;
}

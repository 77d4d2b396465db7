/** How an initrd is compressed. */
export type InitrdCompression = "none" | "gzip" | "zstd";

/** Which guest an initrd is for: the one that QEMU starts on this machine, or the one inside that. */
export type InitrdName = "l1" | "l2";

/** One line of an initrd's list of contents. */
export interface InitrdEntry {
  /** Where it is in the guest. */
  readonly path: string;
  /** What it is. */
  readonly kind: "file" | "directory" | "symlink" | "node";
  /** Its permission bits. */
  readonly mode: number;
  /** Size of a file in bytes, 0 for all else. */
  readonly bytes: number;
  /** What a symbolic link points to; "c 1:3" for a device node. */
  readonly target?: string;
  /** The file of this machine that it was made from. */
  readonly source?: string;
}

/** A built initrd. */
export interface Initrd {
  /** Which guest it is for. */
  readonly name: InitrdName;
  /** The file: what QEMU's `-initrd` gets. Named after its content, so that it never changes. */
  readonly path: string;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Size of the archive in bytes before compression. */
  readonly archiveBytes: number;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
  /** How it is compressed. */
  readonly compression: InitrdCompression;
  /** What is in it, in the order of the archive. */
  readonly entries: readonly InitrdEntry[];
  /** Whether the very same initrd was in the cache already. */
  readonly cached: boolean;
}

/** Options of `buildInitrd`. */
export interface InitrdOptions {
  /** For L1: put QEMU, its firmware, the L2 kernel and the L2 initrd into it as well, as target `kvm` needs. Default false. */
  readonly nested?: boolean;
  /** The kernel that L2 guests boot, a bzImage or a PVH vmlinux; needed with `nested`, and for nothing else. */
  readonly kernel?: string;
  /** How to compress it. Default "none": the fastest to boot from a local disk, since the guest need not unpack it. */
  readonly compression?: InitrdCompression;
  /** Puts an end to the building. Default: nothing does. */
  readonly signal?: AbortSignal;
}

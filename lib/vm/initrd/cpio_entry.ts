/** What every entry of an archive has. */
export interface CpioNamed {
  /** Where it is in the guest: absolute, no `.` and no `..` ("/bin/busybox"). */
  readonly path: string;
}

/** A regular file. */
export interface CpioFile extends CpioNamed {
  /** Which kind of entry this is. */
  readonly kind: "file";
  /** Its content; at most 4 GiB - 1 byte, the format's limit. */
  readonly data: Uint8Array;
  /** Its permission bits. Default 0o644. */
  readonly mode?: number;
}

/** A directory. */
export interface CpioDirectory extends CpioNamed {
  /** Which kind of entry this is. */
  readonly kind: "directory";
  /** Its permission bits. Default 0o755. */
  readonly mode?: number;
}

/** A symbolic link. */
export interface CpioSymlink extends CpioNamed {
  /** Which kind of entry this is. */
  readonly kind: "symlink";
  /** What it points to, as it shall stand in the link. */
  readonly target: string;
}

/** A device node. */
export interface CpioNode extends CpioNamed {
  /** Which kind of entry this is. */
  readonly kind: "node";
  /** A character device or a block device. */
  readonly type: "char" | "block";
  /** Its major number. */
  readonly major: number;
  /** Its minor number. */
  readonly minor: number;
  /** Its permission bits. Default 0o600. */
  readonly mode?: number;
}

/** One entry of a cpio archive. Everything belongs to root. */
export type CpioEntry = CpioFile | CpioDirectory | CpioSymlink | CpioNode;

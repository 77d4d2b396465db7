/** How the payload of a bzImage is packed; `none` for a vmlinux. */
export type KernelCompression = "gzip" | "zstd" | "xz" | "lzma" | "bzip2" | "lz4" | "lzo" | "none";

/** Where the configuration of a kernel was found. */
export type KernelConfigSource =
  /** In the kernel itself (CONFIG_IKCONFIG). */
  | "embedded"
  /** In a file that was given. */
  | "given"
  /** In a file beside the kernel: `config-RELEASE`, `config` or `.config` in its directory, or /boot/config-RELEASE. */
  | "beside"
  /** Nowhere. */
  | "unknown";

/** What a kernel file says of itself. */
export interface KernelImage {
  /** The file. */
  readonly path: string;
  /** A bzImage with its boot header, or the ELF file that is inside it. */
  readonly format: "bzImage" | "vmlinux";
  /** The only one that guests are made for. */
  readonly arch: "x86_64";
  /** As `uname -r`, for example `6.12.117`. */
  readonly release: string;
  /** Release and build: `6.12.117 (root@host) #1 SMP PREEMPT_DYNAMIC Sat Nov 21 12:00:00 UTC 2026`. */
  readonly version: string;
  /** How the payload is packed. */
  readonly compression: KernelCompression;
  /** Whether it has the PVH entry (CONFIG_PVH), so that QEMU can start its vmlinux directly; undefined where it cannot be unpacked. */
  readonly pvh?: boolean;
  /** Whether it writes its console to a serial line (CONFIG_SERIAL_8250_CONSOLE); undefined where the configuration is not known. */
  readonly serial?: boolean;
  /** Every option of its configuration by its name without `CONFIG_`: `y`, `m`, `n` (is not set), a number or a text without its quotes. */
  readonly config?: ReadonlyMap<string, string>;
  /** Where `config` was found. */
  readonly configSource: KernelConfigSource;
  /** The file of `config` where it was found in one. */
  readonly configPath?: string;
  /** Why the payload was not unpacked, where it was not: the program for its compression is missing. */
  readonly unread?: string;
}

import { UnfitKernelError } from "./unfit_kernel_error.ts";

/** What the boot header of a bzImage says (Documentation/arch/x86/boot.rst). */
export interface SetupHeader {
  /** Release and build of the kernel. */
  readonly version: string;
  /** The packed kernel: a view of the file's bytes. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Whether `bytes` begin with the boot header of an x86 kernel. */
export function hasSetupHeader(bytes: Uint8Array): boolean {
  return bytes.length >= 0x206 && bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa &&
    bytes[0x202] === 0x48 && bytes[0x203] === 0x64 && bytes[0x204] === 0x72 && bytes[0x205] === 0x53; // HdrS
}

/** Boot protocol that first told where the payload is. */
const WITH_PAYLOAD = 0x0208;
/** Boot protocol that first told whether the kernel is a 64-bit one. */
const WITH_XLOADFLAGS = 0x020c;

/** Reads the boot header of the bzImage `bytes`, the whole file at `path`. Throws {@linkcode UnfitKernelError}. */
export function readSetupHeader(path: string, bytes: Uint8Array<ArrayBuffer>): SetupHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (what: string) =>
    new UnfitKernelError(path, `is damaged: ${what}; copy it or build it again`);
  if (bytes.length < 0x268) throw damaged(`it ends after ${bytes.length} bytes, within its boot header`);
  const protocol = view.getUint16(0x206, true);
  if (protocol < WITH_PAYLOAD) {
    const name = `${protocol >> 8}.${String(protocol & 0xff).padStart(2, "0")}`;
    throw new UnfitKernelError(path, `is a kernel of boot protocol ${name}, older than Linux 2.6.26`);
  }
  if ((view.getUint8(0x211) & 1) === 0) throw new UnfitKernelError(path, "is a zImage, not a bzImage");
  const setup = ((view.getUint8(0x1f1) || 4) + 1) * 512;
  const whole = setup + view.getUint32(0x1f4, true) * 16;
  // The size is rounded up to the next 16 bytes, which the file need not have.
  if (bytes.length + 16 < whole) {
    throw damaged(`it ends after ${bytes.length} of the ${whole} bytes that its header tells`);
  }
  if (protocol >= WITH_XLOADFLAGS && (view.getUint16(0x236, true) & 1) === 0) {
    throw new UnfitKernelError(path, "is a 32-bit kernel (i386); guests need an x86-64 one");
  }
  const start = setup + view.getUint32(0x248, true);
  const length = view.getUint32(0x24c, true);
  if (length < 8 || start + length > bytes.length) {
    throw damaged(
      `its payload, ${length} bytes from byte ${start} on, is not within its ${bytes.length} bytes`,
    );
  }
  const at = view.getUint16(0x20e, true) + 0x200;
  const end = at > 0x200 && at < setup ? bytes.indexOf(0, at) : -1;
  if (end <= at || end > setup) throw damaged("its header has no version");
  const version = new TextDecoder().decode(bytes.subarray(at, end)).trim();
  return { version, payload: bytes.subarray(start, start + length) };
}

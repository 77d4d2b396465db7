/** Names of the errno values that the library's functions return; Linux numbers, the same on x86-64 and arm64. */
const names: Readonly<Record<number, readonly [code: string, text: string]>> = {
  1: ["EPERM", "not permitted"],
  2: ["ENOENT", "no such file or directory"],
  3: ["ESRCH", "no such process or thread"],
  4: ["EINTR", "interrupted"],
  9: ["EBADF", "no such handle"],
  11: ["EAGAIN", "try again, or a limit on threads or memory is reached"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  16: ["EBUSY", "busy"],
  17: ["EEXIST", "exists"],
  19: ["ENODEV", "the machine does not have it"],
  22: ["EINVAL", "invalid, or the kernel was built without it"],
  24: ["EMFILE", "too many open"],
  28: ["ENOSPC", "no space left"],
  34: ["ERANGE", "out of range"],
  38: ["ENOSYS", "the kernel does not know this call"],
  95: ["ENOTSUP", "not supported by this machine"],
  114: ["EALREADY", "already done"],
};

/** What a function of the native library reports: the operation, and the kernel's error for it. */
export class NativeError extends Error {
  /** `"NativeError"`. */
  override readonly name = "NativeError";
  /** Name of the error, such as `"EPERM"`; `"E123"` for a number that is not named here. */
  readonly code: string;
  /** Its number, positive. */
  readonly errno: number;

  /** An error of `operation` with the number `errno`; `detail` says more than the number does. */
  constructor(operation: string, errno: number, detail?: string) {
    const [code, text] = names[errno] ?? [`E${errno}`, "unknown error"];
    super(`${operation}: ${detail ? `${detail} (${code})` : `${text} (${code})`}`);
    this.code = code;
    this.errno = errno;
  }
}

/** Passes `rc` through if it is 0 or positive; throws a {@linkcode NativeError} that names `operation` if it is a negative errno. */
export function unwrap(rc: number, operation: string, detail?: string): number {
  if (rc < 0) throw new NativeError(operation, -rc, detail);
  return rc;
}

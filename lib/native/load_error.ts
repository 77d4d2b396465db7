/** The native library or one of its programs could not be built or opened; the message says what to do, `cause` what went wrong. */
export class NativeLoadError extends Error {
  /** `"NativeLoadError"`. */
  override readonly name = "NativeLoadError";
}

/** What the errors of files are that a user can do something about, by their code. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left there",
  EDQUOT: "this user's quota there is used up",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "that file system is read-only",
  ENOENT: "no directory can be made there",
  ENOTDIR: "a part of that path is a file",
  EISDIR: "that is a directory",
  ENAMETOOLONG: "that name is too long",
  EIO: "the disk failed",
};

/** Why a file of this machine could not be written, in words; undefined where `error` is not of that kind. */
export function fileRefusal(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return REFUSALS[error.code];
  return /No space left on device/.test(error.message) ? REFUSALS["ENOSPC"] : undefined;
}

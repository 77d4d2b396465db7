/**
 * The text of a scheduler's event as libtraceevent's plugins print it, out of theirs or of the kernel's spelling, so that programs
 * with and without plugins can be compared.
 */
export function pluginText(text: string): string {
  return text
    .replace(
      /^prev_comm=(.*) prev_pid=(\d+) prev_prio=(-?\d+) prev_state=(\S+) ==> next_comm=(.*) next_pid=(\d+) next_prio=(-?\d+)$/,
      "$1:$2 [$3] $4 ==> $5:$6 [$7]",
    )
    .replace(/^comm=(.*) pid=(\d+) prio=(-?\d+) target_cpu=0*(\d+)$/, "$1:$2 [$3] CPU:$4")
    .replace(/^(.*:\d+ \[-?\d+\])(?: success=1)? CPU:0*(\d+)$/, "$1 CPU:$2")
    .trimEnd();
}

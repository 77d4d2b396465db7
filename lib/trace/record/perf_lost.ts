/** `PERF_RECORD_LOST`: events for which the ring had no room. */
const LOST = 2;
/** `PERF_RECORD_LOST_SAMPLES`: what the kernel counted as lost for one event, written at the end by newer perfs. */
const LOST_SAMPLES = 13;
/** `PERF_RECORD_MISC_LOST_SAMPLES_BPF`: samples that a filter dropped, which is no loss. */
const MISC_FILTERED = 1 << 15;

/**
 * Events that a finished perf.data file at `path`, of this machine's endianness and not compressed, says were lost.
 *
 * Reads record headers only. LOST records and LOST_SAMPLES count the same losses, so the larger of the two sums counts.
 */
export async function lostInPerfData(path: string): Promise<number> {
  using file = await Deno.open(path);
  const header = new Uint8Array(104);
  if (await fill(file, header, 0) < header.length) return 0;
  const head = new DataView(header.buffer);
  let at = Number(head.getBigUint64(40, true));
  const end = at + Number(head.getBigUint64(48, true));
  const chunk = new Uint8Array(1 << 22);
  const view = new DataView(chunk.buffer);
  let records = 0;
  let samples = 0;
  while (at + 8 <= end) {
    const length = Math.min(await fill(file, chunk, at), end - at);
    let offset = 0;
    while (offset + 24 <= length || (offset + 8 <= length && at + length >= end)) {
      const type = view.getUint32(offset, true);
      const misc = view.getUint16(offset + 4, true);
      const size = view.getUint16(offset + 6, true);
      if (size < 8) return Math.max(records, samples);
      if (type === LOST && offset + 24 <= length) records += Number(view.getBigUint64(offset + 16, true));
      if (type === LOST_SAMPLES && (misc & MISC_FILTERED) === 0 && offset + 16 <= length) {
        samples += Number(view.getBigUint64(offset + 8, true));
      }
      offset += size;
    }
    if (offset === 0) break;
    at += offset;
  }
  return Math.max(records, samples);
}

/** Fills `into` from `position` on; returns how many bytes there were. */
async function fill(file: Deno.FsFile, into: Uint8Array, position: number): Promise<number> {
  await file.seek(position, Deno.SeekMode.Start);
  let length = 0;
  while (length < into.length) {
    const n = await file.read(into.subarray(length));
    if (n === null) break;
    length += n;
  }
  return length;
}

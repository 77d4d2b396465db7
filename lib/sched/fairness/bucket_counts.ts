/** How many threads of a group are in which bucket of the fluid: mostly one bucket, and few at most. */
export class BucketCounts {
  readonly buckets: number[] = [];
  readonly counts: number[] = [];

  /** `by` more in `bucket`. */
  add(bucket: number, by: 1 | -1): void {
    const at = this.buckets.indexOf(bucket);
    if (at < 0) {
      this.buckets.push(bucket);
      this.counts.push(by);
    } else if ((this.counts[at]! += by) === 0) {
      const [last, count] = [this.buckets.pop()!, this.counts.pop()!];
      if (at === this.buckets.length) return;
      this.buckets[at] = last;
      this.counts[at] = count;
    }
  }
}

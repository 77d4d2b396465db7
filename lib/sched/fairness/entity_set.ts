/** Numbers below a size, to go through in any order. */
export class EntitySet {
  readonly members: number[] = [];
  readonly #place: Int32Array;

  constructor(size: number) {
    this.#place = new Int32Array(size);
  }

  /** It must not be there. */
  add(entity: number): void {
    this.#place[entity] = this.members.push(entity) - 1;
  }

  /** It must be there. */
  delete(entity: number): void {
    const last = this.members.pop()!;
    if (last === entity) return;
    this.members[this.#place[entity]!] = last;
    this.#place[last] = this.#place[entity]!;
  }
}

/** Names that rows of kind Comm point to, each once, in the order in which they came. */
export class CommNames {
  readonly #indexes = new Map<string, number>();

  /** The index of `name`, which is put behind the others where it is new. */
  index(name: string): number {
    let index = this.#indexes.get(name);
    if (index === undefined) this.#indexes.set(name, index = this.#indexes.size);
    return index;
  }

  /** The names by their index. */
  get all(): string[] {
    return [...this.#indexes.keys()];
  }
}

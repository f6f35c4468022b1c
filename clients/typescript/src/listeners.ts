/** Those who want to be told. One that throws harms no other. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** Returns what takes it away again. */
  add(listener: (value: T) => void): () => void {
    const one = (value: T) => listener(value);
    this.#all.add(one);
    return () => void this.#all.delete(one);
  }

  tell(value: T): void {
    for (const listener of this.#all) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

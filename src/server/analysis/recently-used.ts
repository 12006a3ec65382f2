/**
 * A map that forgets what was not used for longest once the weights of its values add up to more than `capacity`.
 * The value set last is always kept, whatever it weighs.
 */
export class RecentlyUsed<V> {
  private readonly entries = new Map<string, { value: V; weight: number }>();
  private weight = 0;

  constructor(private readonly capacity: number) {}

  /** The value under `key`, which thereby counts as used. */
  get(key: string): V | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Stores a value that weighs `weight`, in the unit of the capacity. */
  set(key: string, value: V, weight: number): void {
    this.delete(key);
    this.entries.set(key, { value, weight });
    this.weight += weight;
    for (const oldest of this.entries.keys()) {
      if (this.weight <= this.capacity || oldest === key) break;
      this.delete(oldest);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.entries.clear();
    this.weight = 0;
  }

  /** Forgets `key`, where it is known. */
  delete(key: string): void {
    this.weight -= this.entries.get(key)?.weight ?? 0;
    this.entries.delete(key);
  }
}

import { compareRows } from '../model/naming';
import type { Place } from '../model/place';
import type { SubspacePair } from './task-subspaces';

/** Mean overlap of every two tasks over the tensors of a scope. */
export interface ScopeOverlaps {
  /** `all`, or a heatmap row. */
  readonly scope: string;
  readonly label: string;
  /** tasks × tasks, row-major; `null` where no tensor is in both. */
  readonly values: readonly (number | null)[];
}

/** Sums the overlaps of the tasks' subspaces over layers and the whole network. */
export class OverlapSums {
  private readonly scopes = new Map<string, { label: string; sums: Float64Array; counts: Float64Array }>();

  /** `tasks` is their number. */
  constructor(private readonly tasks: number) {}

  /** Adds the pairs of one tensor. */
  add({ row, layerLabel }: Place, pairs: readonly SubspacePair[]): void {
    for (const [scope, label] of [
      ['all', 'whole model'],
      [row, layerLabel],
    ] as const) {
      const own = this.scopeOf(scope, label);
      for (const { a, b, overlap } of pairs) {
        for (const at of [a * this.tasks + b, b * this.tasks + a]) {
          own.sums[at] = (own.sums[at] as number) + overlap;
          own.counts[at] = (own.counts[at] as number) + 1;
        }
      }
    }
  }

  /** The whole first, then layers in network order. */
  means(): readonly ScopeOverlaps[] {
    return [...this.scopes]
      .sort(([a], [b]) => Number(b === 'all') - Number(a === 'all') || compareRows(a, b))
      .map(([scope, { label, sums, counts }]) => ({
        scope,
        label,
        values: Array.from(sums, (sum, at) => {
          if (at % (this.tasks + 1) === 0) return 1;
          const count = counts[at] as number;
          return count > 0 ? Math.min(1, sum / count) : null;
        }),
      }));
  }

  private scopeOf(scope: string, label: string) {
    const size = this.tasks * this.tasks;
    const own = this.scopes.get(scope) ?? {
      label,
      sums: new Float64Array(size),
      counts: new Float64Array(size),
    };
    this.scopes.set(scope, own);
    return own;
  }
}

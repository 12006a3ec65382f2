// A merge of several tasks against each of them by its definition, one row after the other.
import type { MergeRule, RowProducts } from '../../src/tensor/row-products';
import type { Taus } from './slow-masks';

/** The slow counterpart of the kernel; an entry of τ that is skipped counts as 0. */
export function slowRowProducts(taus: Taus, rowLength: number, rule: MergeRule): RowProducts {
  const known = taus.map((tau) => tau.map((value) => value ?? 0));
  const count = known[0]?.length ?? 0;
  const merged = Array.from({ length: count }, (_, at) => {
    const values = known.map((tau) => tau[at] ?? 0);
    if (rule.kind === 'weighted')
      return values.reduce((sum, value, t) => sum + value * (rule.weights[t] ?? 0), 0);
    const total = values.reduce((sum, value) => sum + value, 0);
    const agreeing = values.filter((value) => value * total > 0);
    if (agreeing.length === 0) return 0;
    return (rule.scale * agreeing.reduce((sum, value) => sum + value, 0)) / agreeing.length;
  });
  const rows = Math.ceil(count / rowLength);
  const inner = (x: readonly number[], y: readonly number[], row: number) => {
    let sum = 0;
    for (let at = row * rowLength; at < Math.min(count, (row + 1) * rowLength); at++)
      sum += (x[at] ?? NaN) * (y[at] ?? NaN);
    return sum;
  };
  const perTask = (of: (tau: readonly number[], row: number) => number) =>
    Float64Array.from(Array.from({ length: rows }, (_, row) => known.map((tau) => of(tau, row))).flat());
  return {
    kind: 'rowProducts',
    rows,
    dots: perTask((tau, row) => inner(tau, merged, row)),
    squares: perTask((tau, row) => inner(tau, tau, row)),
    merged: Float64Array.from({ length: rows }, (_, row) => inner(merged, merged, row)),
    skipped: Float64Array.from(taus, (tau) => tau.filter((value) => value === null).length),
  };
}

import type { Expert } from '../model/experts';
import { success, type Result } from '../protocol/result';
import type { MatrixOutcome, MatrixSource } from '../tensor/matrix-source';
import type { LayerGeometry } from './expert-geometry';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';

/** How much of what a routed expert writes a shared expert can write, too. */
export interface SharedOverlap {
  readonly geometry: LayerGeometry;
  readonly shared: Expert;
  readonly expert: Expert;
  /** ‖U_sᵀ U_e‖_F² / r, from 0 to 1; `null` where a down-projection is not finite. */
  readonly overlap: number | null;
  /** What unrelated subspaces have: r / hidden size. */
  readonly chance: number;
}

/**
 * Overlap of the column spaces of the down-projections of shared and routed experts: U holds the first `rank` left
 * singular vectors. Fails as reading does, or with `cancelled`.
 */
export async function sharedOverlaps(
  layers: readonly LayerGeometry[],
  rank: number,
  context: LensContext,
): Promise<Result<SharedOverlap[]>> {
  const overlaps: SharedOverlap[] = [];
  for (const [index, geometry] of layers.entries()) {
    const { shared, experts } = geometry.layer;
    const all = [...shared, ...experts].flatMap((expert) => {
      const source = downSource(expert);
      return source ? [{ expert, source }] : [];
    });
    const bases: { expert: Expert; outcome: MatrixOutcome }[] = [];
    const work: MatrixWork[] = all.map(({ source }) => ({
      operation: { kind: 'svd', rank: Math.min(rank, source.rows, source.columns) },
      load: () => Promise.resolve(success(source)),
    }));
    const part = {
      ...context,
      progress: (fraction: number, message: string) =>
        context.progress((index + fraction) / layers.length, message),
      log: (message: string) => context.log(message),
    };
    const read = await readMatrices(work, part, (outcome, at) => {
      const expert = all[at]?.expert;
      if (!expert) return;
      if (expert.number === null) bases.push({ expert, outcome });
      else {
        for (const base of bases) {
          overlaps.push({
            geometry, shared: base.expert, expert,
            overlap: overlapOf(base.outcome, outcome),
            chance: Math.min(1, rank / outcome.rows),
          }); // prettier-ignore
        }
      }
    });
    if (!read.ok) return read;
  }
  return success(overlaps);
}

/** The down-projection, hidden × inner. */
function downSource({ weights }: Expert): MatrixSource | null {
  const down = weights.find(({ part }) => part === 'down');
  if (!down) return null;
  const [rows = 0, columns = 0] = down.span.shape;
  const terms = [{ kind: 'tensor' as const, weight: 1, span: down.span }];
  return down.stored === 'out-in'
    ? { rows, columns, terms }
    : { rows: columns, columns: rows, transposed: true, terms };
}

function overlapOf(a: MatrixOutcome, b: MatrixOutcome): number | null {
  if (!a.left || !b.left || !a.singular || !b.singular || a.rows !== b.rows) return null;
  const [ranksA, ranksB] = [a.singular.length, b.singular.length];
  let sum = 0;
  for (let i = 0; i < ranksA; i++) {
    for (let j = 0; j < ranksB; j++) {
      let product = 0;
      for (let row = 0; row < a.rows; row++) {
        product += (a.left[row * ranksA + i] ?? 0) * (b.left[row * ranksB + j] ?? 0);
      }
      sum += product * product;
    }
  }
  const most = Math.min(ranksA, ranksB);
  return most > 0 ? sum / most : null;
}

import type { Expert, ExpertLayer, ExpertWeight } from '../model/experts';
import { cancelled, success, type Result } from '../protocol/result';
import { squaresOf, type Dense } from '../tensor/linear/dense';
import { multiplyTransposed } from '../tensor/linear/multiply';
import type { MatrixSource } from '../tensor/matrix-source';
import { SplitMix64 } from '../tensor/split-mix';
import { bestAssignment } from './assignment';
import { expertBytes, innerSize } from './expert-models';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';
import { pause } from './pause';

/** Cosines of experts after their hidden units were put into the order in which they agree best. */
export interface MatchedLayer {
  readonly n: number;
  /** n × n, row-major, symmetric, 1 on the diagonal; NaN where undefined. */
  readonly cosines: Float64Array;
  /** What matching makes of the first two experts when nothing agrees: the inputs of one are shuffled. */
  readonly chance: number | null;
  readonly bytesRead: number;
}

/** Experts of a layer are held in half of the memory budget; one more is read against them. */
const SHARE_OF_BUDGET = 1 / 2;

/** Whether experts are small enough: at most `neurons` hidden units, and two of them fit into memory. */
export function canBeMatched({ experts }: ExpertLayer, neurons: number, memoryBudget: number): boolean {
  const [first] = experts;
  if (!first) return false;
  return innerSize(first) <= neurons && 2 * expertBytes(first) <= memoryBudget * SHARE_OF_BUDGET;
}

/**
 * max over permutations π of Σ_k ⟨a_k, b_π(k)⟩ / (‖W_a‖ ‖W_b‖) for every two experts, with a_k the k-th hidden unit's row of
 * gate and up and its column of down, concatenated. The permutation is exact (Hungarian method). Fails as reading does,
 * or with `cancelled`.
 */
export async function matchExperts(layer: ExpertLayer, context: LensContext): Promise<Result<MatchedLayer>> {
  const { experts } = layer;
  const n = experts.length;
  const cosines = new Float64Array(n * n).fill(NaN);
  const held = Math.max(
    1,
    Math.floor(
      (context.memoryBudget * SHARE_OF_BUDGET) /
        expertBytes(experts[0] ?? { label: '', number: 0, weights: [] }),
    ) - 1,
  );
  let chance: number | null = null;
  let bytesRead = 0;
  const put = (a: number, b: number, cosine: number) => {
    cosines[a * n + b] = cosine;
    cosines[b * n + a] = cosine;
  };
  for (let first = 0; first < n; first += held) {
    const block: (Dense | null)[] = [];
    for (let at = first; at < n; at++) {
      if (context.signal.aborted) return cancelled();
      const expert = experts[at];
      if (!expert) continue;
      const neurons = await readNeurons(expert, layer.gateUp, context);
      if (!neurons.ok) return neurons;
      bytesRead += expert.weights.reduce((sum, { span }) => sum + span.bytes, 0);
      for (const [index, other] of block.entries()) {
        await pause();
        if (other && neurons.value) {
          put(first + index, at, matchedCosine(other, neurons.value));
          chance ??= matchedCosine(other, shuffledInputs(neurons.value));
        }
      }
      if (block.length < held) {
        block.push(neurons.value);
        put(at, at, neurons.value && squaresOf(neurons.value) > 0 ? 1 : NaN);
      }
    }
  }
  return success({
    n,
    cosines,
    chance: chance !== null && Number.isFinite(chance) ? chance : null,
    bytesRead,
  });
}

function matchedCosine(a: Dense, b: Dense): number {
  const products = multiplyTransposed(a, b);
  const columnOf = bestAssignment(products);
  let sum = 0;
  for (let row = 0; row < products.rows; row++) {
    sum += products.values[row * products.columns + (columnOf[row] ?? 0)] ?? 0;
  }
  return sum / Math.sqrt(squaresOf(a) * squaresOf(b));
}

/** The hidden units of an expert as rows; `null` where an entry is not finite. */
async function readNeurons(
  expert: Expert,
  gateUp: ExpertLayer['gateUp'],
  context: LensContext,
): Promise<Result<Dense | null>> {
  const parts: Dense[] = [];
  const work: MatrixWork[] = expert.weights.map((weight) => ({
    operation: { kind: 'values' },
    load: () => Promise.resolve(success(neuronSource(weight))),
  }));
  const silent = { ...context, progress: () => undefined, log: (message: string) => context.log(message) };
  const read = await readMatrices(work, silent, ({ rows, columns, values, nonFinite }, index) => {
    if (!values || nonFinite > 0) return;
    const part = { rows, columns, values };
    parts.push(expert.weights[index]?.part === 'gate-up' ? pairedRows(part, gateUp) : part);
  });
  if (!read.ok) return read;
  return success(parts.length === expert.weights.length ? sideBySide(parts, innerSize(expert)) : null);
}

/** A weight with one row per hidden unit (two in a fused gate and up). */
function neuronSource({ part, span, stored }: ExpertWeight): MatrixSource {
  const [rows = 0, columns = 0] = span.shape;
  const terms = [{ kind: 'tensor' as const, weight: 1, span }];
  const turn = (stored === 'in-out') !== (part === 'down');
  return turn ? { rows: columns, columns: rows, transposed: true, terms } : { rows, columns, terms };
}

/** A fused gate and up: the two rows of each hidden unit side by side. */
function pairedRows({ rows, columns, values }: Dense, order: ExpertLayer['gateUp']): Dense {
  if (order === 'interleaved') return { rows: rows / 2, columns: 2 * columns, values };
  const half = rows / 2;
  const paired = new Float64Array(values.length);
  for (let row = 0; row < half; row++) {
    paired.set(values.subarray(row * columns, (row + 1) * columns), 2 * row * columns);
    paired.set(values.subarray((half + row) * columns, (half + row + 1) * columns), (2 * row + 1) * columns);
  }
  return { rows: half, columns: 2 * columns, values: paired };
}

function sideBySide(parts: readonly Dense[], rows: number): Dense {
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const values = new Float64Array(rows * columns);
  let first = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      values.set(part.values.subarray(row * part.columns, (row + 1) * part.columns), row * columns + first);
    }
    first += part.columns;
  }
  return { rows, columns, values };
}

/** The same neurons with their entries in another order, the same for all: lengths and angles among them stay. */
function shuffledInputs({ rows, columns, values }: Dense): Dense {
  const order = Array.from({ length: columns }, (_, index) => index);
  const random = new SplitMix64(1);
  for (let at = columns - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  const shuffled = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < columns; at++)
      shuffled[row * columns + at] = values[row * columns + (order[at] ?? 0)] ?? 0;
  }
  return { rows, columns, values: shuffled };
}

import { networkOrder } from '../model/naming';
import type { FactoredDelta } from '../model/task-vector';
import { cancelled, success, type Result } from '../protocol/result';
import { multiplyTransposed } from '../tensor/linear/multiply';
import { symmetricEigen } from '../tensor/linear/symmetric-eigen';
import type { AdapterTask } from './adapter-tasks';
import { loadLowRank } from './group-pass';
import { kMeans } from './k-means';
import type { LensContext } from './lens';
import { pause } from './pause';
import { partOf } from './progress-part';

/** Clusters of adapters by their parameters, or why there are none (a sentence). */
export type ModelClusters =
  | {
      readonly kind: 'clusters';
      readonly clusters: readonly number[];
      readonly k: number;
      readonly bytesRead: number;
    }
  | { readonly kind: 'none'; readonly reason: string };

/** As published: share of the entries set to 0, dimensions kept, clusters. */
const SPARSITY = 0.8;
const COMPONENTS = 64;
export const PUBLISHED_CLUSTERS = 10;
/** Columns multiplied at once. */
const STRIP = 4096;

/**
 * Model-based clustering (MBC; Ostapenko et al. 2024, sec. 3, as in microsoft/mttl): every adapter's factors are flattened,
 * entries with |x| below their 0.8 quantile become 0, a truncated SVD keeps 64 dimensions, rows are brought to length 1, and
 * k-means runs on the rows of their cosine MATRIX (the trap: not on the embeddings). All that follows from the Gram matrix of
 * the sparse rows, X·Xᵀ = U·Σ²·Uᵀ. It looks at A and B as stored, so equal ΔW with other factors count as different.
 * Reads the factors twice. Fails as reading does, or with `cancelled`.
 */
export async function modelClusters(
  adapters: readonly AdapterTask[],
  k: number,
  context: LensContext,
): Promise<Result<ModelClusters>> {
  const columns = comparable(adapters);
  if (typeof columns === 'string') return success({ kind: 'none', reason: columns });
  const thresholds = new Float64Array(adapters.length);
  let bytesRead = 0;
  for (const [at, { name, task }] of adapters.entries()) {
    const sizes = await sizesOf([...task.deltas.values()]);
    if (!sizes.ok) return sizes;
    if (!sizes.value.sizes.every(Number.isFinite)) {
      const reason = `${name} has factors that hold NaN or infinities, and MBC compares A and B entry by entry.`;
      return success({ kind: 'none', reason });
    }
    thresholds[at] = quantile(sizes.value.sizes, SPARSITY);
    bytesRead += sizes.value.bytesRead;
    context.progress((at + 1) / adapters.length / 3, 'Finding the large entries of every adapter');
    await pause();
    if (context.signal.aborted) return cancelled();
  }
  const gram = await sparseGram(adapters, columns, thresholds, partOf(context, 1 / 3, 1));
  if (!gram.ok) return gram;
  const n = adapters.length;
  const values = cosinesOfComponents(gram.value.gram, n);
  const { clusters } = kMeans({ count: n, width: n, values }, Math.min(k, n));
  return success({ kind: 'clusters', clusters, k, bytesRead: bytesRead + gram.value.bytesRead });
}

/** The tensors that all adapters have with factors of one size; a sentence where they do not go together. */
function comparable(adapters: readonly AdapterTask[]): readonly string[] | string {
  const sizes = adapters.map(({ task }) => {
    const deltas = [...task.deltas].map(([name, delta]) =>
      delta.kind === 'lowRank' && delta.stored !== null
        ? `${name} ${delta.stored.a.shape.join('x')} ${delta.stored.b.shape.join('x')}`
        : null,
    );
    return deltas.includes(null) ? null : deltas.sort().join(' ');
  });
  const odd = sizes.findIndex((size) => size === null || size !== sizes[0]);
  const name = adapters[odd]?.name ?? '';
  if (odd < 0) return networkOrder([...(adapters[0]?.task.deltas.keys() ?? [])]);
  return sizes[odd] === null
    ? `${name} is no plain LoRA, and MBC compares A and B entry by entry.`
    : `${name} has other modules or another rank than ${adapters[0]?.name ?? ''}, and MBC compares A and B entry by entry.`;
}

async function sizesOf(
  deltas: readonly { readonly kind: string }[],
): Promise<Result<{ sizes: Float32Array; bytesRead: number }>> {
  const factored = deltas.filter((delta): delta is FactoredDelta => delta.kind === 'lowRank');
  const sizes = new Float32Array(factored.reduce((sum, { parameters }) => sum + parameters, 0));
  let end = 0;
  let bytesRead = 0;
  for (const delta of factored) {
    const read = await loadLowRank(delta);
    if (!read.ok) return read;
    bytesRead += read.value.bytesRead;
    for (const factor of [read.value.delta.a, read.value.delta.b]) {
      for (const value of factor) sizes[end++] = Math.abs(value);
    }
  }
  return success({ sizes: sizes.subarray(0, end), bytesRead });
}

/** The q-quantile with linear interpolation between neighbours, as torch and numpy take it. Sorts `values`. */
export function quantile(values: Float32Array, q: number): number {
  values.sort();
  const place = q * (values.length - 1);
  const low = Math.floor(place);
  const below = values[low] ?? 0;
  return below + (place - low) * ((values[low + 1] ?? below) - below);
}

async function sparseGram(
  adapters: readonly AdapterTask[],
  names: readonly string[],
  thresholds: Float64Array,
  context: LensContext,
): Promise<Result<{ gram: Float64Array; bytesRead: number }>> {
  const n = adapters.length;
  const gram = new Float64Array(n * n);
  let bytesRead = 0;
  for (const [index, name] of names.entries()) {
    const rows: Float32Array[] = [];
    for (const [at, { task }] of adapters.entries()) {
      const delta = task.deltas.get(name);
      const read = delta?.kind === 'lowRank' ? await loadLowRank(delta) : null;
      if (read && !read.ok) return read;
      if (!read) continue;
      bytesRead += read.value.bytesRead;
      const { a, b } = read.value.delta;
      const row = new Float32Array(a.length + b.length);
      row.set(a);
      row.set(b, a.length);
      rows.push(row.map((value) => (Math.abs(value) < (thresholds[at] as number) ? 0 : value)));
    }
    addProducts(rows, gram);
    context.progress((index + 1) / names.length, 'Comparing the large entries');
    await pause();
    if (context.signal.aborted) return cancelled();
  }
  return success({ gram, bytesRead });
}

/** Adds X·Xᵀ of rows of one length, a strip of columns at a time. */
function addProducts(rows: readonly Float32Array[], gram: Float64Array): void {
  const length = rows[0]?.length ?? 0;
  for (let start = 0; start < length; start += STRIP) {
    const columns = Math.min(STRIP, length - start);
    const values = new Float64Array(rows.length * columns);
    rows.forEach((row, at) => {
      values.set(row.subarray(start, start + columns), at * columns);
    });
    const strip = { rows: rows.length, columns, values };
    const product = multiplyTransposed(strip, strip).values;
    for (const [at, value] of product.entries()) gram[at] = (gram[at] as number) + value;
  }
}

/** Cosines of the rows of U·Σ, the first 64 dimensions kept, from the Gram matrix U·Σ²·Uᵀ; 0 for a row of zeros. */
export function cosinesOfComponents(gram: Float64Array, n: number): Float64Array {
  const { values, vectors } = symmetricEigen({ rows: n, columns: n, values: gram });
  const kept = Math.min(COMPONENTS, n);
  const rows = new Float64Array(n * kept);
  for (let k = 0; k < kept; k++) {
    const root = Math.sqrt(Math.max(0, values[k] ?? 0));
    for (let i = 0; i < n; i++) rows[i * kept + k] = root * (vectors.values[k * n + i] as number);
  }
  for (let i = 0; i < n; i++) {
    const row = rows.subarray(i * kept, (i + 1) * kept);
    const norm = Math.hypot(...row);
    if (norm > 0) row.forEach((value, at) => (row[at] = value / norm));
  }
  const unit = { rows: n, columns: kept, values: rows };
  return multiplyTransposed(unit, unit).values;
}

import { deltaSource } from '../../graph/bind/weight-source';
import { projections, type Projection } from '../../graph/projections';
import type { StudyNetwork } from '../../graph/study-network';
import { placeOf } from '../../model/naming';
import type { Study } from '../../model/study';
import type { TaskVector, TensorDelta } from '../../model/task-vector';
import { cancelled, success, type Result } from '../../protocol/result';
import { lowRankSvd } from '../../tensor/linear/low-rank-svd';
import type { Svd } from '../../tensor/linear/svd';
import { truncatedSvd } from '../../tensor/linear/truncated-svd';
import { pause } from '../pause';
import { gateOf } from './adapter-gates';

/** A matrix of the network that adapters change: where a token is sent to some of them. */
export interface AdapterSite extends Projection {
  /** Row of a heatmap. */
  readonly layer: string;
  readonly label: string;
  readonly module: string;
  /** What the adapters have here, by index of the study's tasks; `null` for one that leaves the matrix as it is. */
  readonly adapters: readonly (SiteAdapter | null)[];
}

/** One adapter in one matrix. */
export interface SiteAdapter {
  /** The input direction that the adapter amplifies most: the first right singular vector of ΔW, of length 1. */
  readonly prototype: Float64Array;
  /** σ₁² / Σσ²: how much of ΔW that one direction stands for. */
  readonly share: number;
  /** The gate that was trained for it (PHATGOOSE), where its file has one. */
  readonly gate: Float64Array | null;
}

/**
 * The matrices that at least two of the study's tasks change, in the order of the graph, with the prototype of each task
 * (Ostapenko et al. 2024, section 4: Arrow). An adapter's comes from its factors; where it has none (DoRA), and of a
 * fine-tune, from θ − θ₀, one matrix in memory at a time. Fails with `cancelled`, or as reading does.
 */
export async function adapterSites(
  study: Study,
  { network }: StudyNetwork,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<Result<readonly AdapterSite[]>> {
  const sites: AdapterSite[] = [];
  const all = projections(network.map);
  for (const [at, projection] of all.entries()) {
    progress(at / all.length);
    const changing = study.tasks.filter(({ deltas }) => deltas.has(projection.tensor));
    const { row, layerLabel, module, role } = placeOf(projection.tensor);
    // An embedding that is the head, too, is no place that adapters are routed at.
    if (changing.length < 2 || role === 'embedding') continue;
    const adapters: (SiteAdapter | null)[] = [];
    for (const task of study.tasks) {
      if (signal.aborted) return cancelled();
      const own = await adapterAt(study, task, projection);
      if (!own.ok) return own;
      adapters.push(own.value);
      await pause();
    }
    if (adapters.filter((each) => each !== null).length < 2) continue;
    sites.push({ ...projection, layer: row, label: layerLabel, module, adapters });
  }
  return success(sites);
}

async function adapterAt(
  study: Study,
  task: TaskVector,
  { tensor, inputAxis }: Projection,
): Promise<Result<SiteAdapter | null>> {
  const delta = task.deltas.get(tensor);
  if (delta === undefined) return success(null);
  const leading = await leadingOf(study, task, tensor, delta);
  if (!leading.ok || leading.value === null) return leading.ok ? success(null) : leading;
  const { svd, squares } = leading.value;
  const largest = svd.values[0] ?? 0;
  if (!(largest > 0)) return success(null);
  const prototype = inputAxis === 1 ? svd.right.values.slice(0, svd.right.columns) : firstColumn(svd);
  const gate = await gateOf(task.checkpoint, tensor, prototype.length);
  if (!gate.ok) return gate;
  return success({ prototype, share: largest ** 2 / squares, gate: gate.value });
}

function firstColumn({ left: { rows, columns, values } }: Svd): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns] ?? 0);
}

interface Leading {
  readonly svd: Svd;
  /** ‖ΔW‖² */
  readonly squares: number;
}

/** The largest singular triple of ΔW in the shape of the checkpoint's tensor; `null` where that is no matrix. */
async function leadingOf(
  { base }: Study,
  task: TaskVector,
  tensor: string,
  delta: TensorDelta,
): Promise<Result<Leading | null>> {
  if (delta.kind === 'lowRank') {
    const factors = await delta.load();
    if (!factors.ok) return factors;
    const svd = lowRankSvd(factors.value);
    return success({ svd, squares: sumOfSquares(svd.values) });
  }
  const shape = base?.tensors.find(({ name }) => name === tensor)?.span.shape ?? [];
  const [rows = 0, columns = 0, ...more] = shape;
  if (base === null || more.length > 0 || columns === 0) return success(null);
  const values = await deltaSource(base, task).load(tensor);
  if (!values.ok) return values;
  const svd = truncatedSvd({ rows, columns, values: values.value }, 1);
  return success({ svd, squares: sumOfSquares(values.value) });
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** |vᵢ·vⱼ| of two prototypes of one site: 1 where they cannot be told apart. */
export function prototypeCosine(x: SiteAdapter, y: SiteAdapter): number {
  return Math.min(1, Math.abs(x.prototype.reduce((sum, value, k) => sum + value * (y.prototype[k] ?? 0), 0)));
}

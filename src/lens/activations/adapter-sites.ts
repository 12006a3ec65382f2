import { deltaSource } from '../../graph/bind/weight-source';
import { projections, type Projection } from '../../graph/projections';
import type { StudyNetwork } from '../../graph/study-network';
import { ModelFindings } from '../../model/model-findings';
import { placeOf } from '../../model/naming';
import type { Study } from '../../model/study';
import type { TaskVector, TensorDelta } from '../../model/task-vector';
import type { Finding } from '../../protocol/finding';
import { cancelled, success, type Result } from '../../protocol/result';
import { hasFiniteFactors } from '../../tensor/factor-products';
import type { Svd } from '../../tensor/linear/svd';
import { truncatedSvd } from '../../tensor/linear/truncated-svd';
import { prototypeVector, turnedFactors } from '../../tensor/arrow-prototype';
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

/** Sites, and which adapters are missing somewhere because of what their numbers are. */
export interface FoundSites {
  readonly sites: readonly AdapterSite[];
  readonly findings: readonly Finding[];
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
): Promise<Result<FoundSites>> {
  const sites: AdapterSite[] = [];
  const odd = study.tasks.map(({ checkpoint }) => new ModelFindings(checkpoint.path));
  const all = projections(network.map);
  for (const [at, projection] of all.entries()) {
    progress(at / all.length);
    const changing = study.tasks.filter(({ deltas }) => deltas.has(projection.tensor));
    const { row, layerLabel, module, role } = placeOf(projection.tensor);
    // An embedding that is the head, too, is no place that adapters are routed at.
    if (changing.length < 2 || role === 'embedding') continue;
    const adapters: (SiteAdapter | null)[] = [];
    for (const [index, task] of study.tasks.entries()) {
      if (signal.aborted) return cancelled();
      const own = await adapterAt(
        study,
        task,
        projection,
        odd[index] ?? new ModelFindings(task.checkpoint.path),
      );
      if (!own.ok) return own;
      adapters.push(own.value);
      await pause();
    }
    if (adapters.filter((each) => each !== null).length < 2) continue;
    sites.push({ ...projection, layer: row, label: layerLabel, module, adapters });
  }
  return success({ sites, findings: odd.flatMap((own) => own.all()) });
}

async function adapterAt(
  study: Study,
  task: TaskVector,
  { tensor, inputAxis }: Projection,
  odd: ModelFindings,
): Promise<Result<SiteAdapter | null>> {
  const delta = task.deltas.get(tensor);
  if (delta === undefined) return success(null);
  const leading = await leadingOf(study, task, tensor, delta, inputAxis === 1);
  if (!leading.ok) return leading;
  if (leading.value === 'not finite') {
    const message = `${task.name}: the change of ${tensor} holds NaN or infinities; tokens are not routed to it there.`;
    odd.add('matrix-not-finite', message, tensor);
    return success(null);
  }
  if (leading.value === null) return success(null);
  const { vector: prototype, share } = leading.value;
  const gate = await gateOf(task.checkpoint, tensor, prototype.length);
  if (!gate.ok) return gate;
  return success({ prototype, share, gate: gate.value });
}

interface Leading {
  readonly vector: Float64Array;
  /** σ₁² / Σσ². */
  readonly share: number;
}

/** The input direction of ΔW; `null` where ΔW is zero or no matrix. */
async function leadingOf(
  { base }: Study,
  task: TaskVector,
  tensor: string,
  delta: TensorDelta,
  inputsLast: boolean,
): Promise<Result<Leading | 'not finite' | null>> {
  if (delta.kind === 'lowRank') {
    const factors = await delta.load();
    if (!factors.ok) return factors;
    if (!hasFiniteFactors(factors.value)) return success('not finite');
    return success(prototypeVector(inputsLast ? factors.value : turnedFactors(factors.value)));
  }
  const shape = base?.tensors.find(({ name }) => name === tensor)?.span.shape ?? [];
  const [rows = 0, columns = 0, ...more] = shape;
  if (base === null || more.length > 0 || columns === 0) return success(null);
  const values = await deltaSource(base, task).load(tensor);
  if (!values.ok) return values;
  const squares = sumOfSquares(values.value);
  if (!Number.isFinite(squares)) return success('not finite');
  if (!(squares > 0)) return success(null);
  const svd = truncatedSvd({ rows, columns, values: values.value }, 1);
  const vector = inputsLast ? svd.right.values.slice(0, columns) : firstColumn(svd);
  return success({ vector, share: (svd.values[0] ?? 0) ** 2 / squares });
}

function firstColumn({ left: { rows, columns, values } }: Svd): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => values[row * columns] ?? 0);
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** |vᵢ·vⱼ| of two prototypes of one site: 1 where they cannot be told apart. */
export function prototypeCosine(x: SiteAdapter, y: SiteAdapter): number {
  return Math.min(1, Math.abs(x.prototype.reduce((sum, value, k) => sum + value * (y.prototype[k] ?? 0), 0)));
}

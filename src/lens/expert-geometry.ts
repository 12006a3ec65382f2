import type { ExpertLayer } from '../model/experts';
import { success, type Result } from '../protocol/result';
import type { GroupSums } from '../tensor/pass';
import type { ExpertModel } from './expert-models';
import { readGroups, type TensorGroup } from './group-pass';
import type { LensContext } from './lens';
import { readMatrices, tensorSource, type MatrixWork } from './matrix-pass';
import { spectralFigures, type SpectralFigures } from './spectral-figures';

/** Inner products of the experts of one layer, all their weights concatenated. */
export interface ExpertGram {
  readonly n: number;
  /** n × n, row-major; NaN where an expert holds entries that are not finite. */
  readonly products: Float64Array;
}

/** The rows of a router. */
export interface RouterGeometry {
  readonly gram: ExpertGram;
  /** `null` where the router holds entries that are not finite. */
  readonly figures: SpectralFigures | null;
}

/** One layer of one model, as far as its weights tell. */
export interface LayerGeometry {
  readonly model: ExpertModel;
  readonly layer: ExpertLayer;
  readonly experts: ExpertGram;
  /** `null` without a router, or where it has not one row per expert. */
  readonly router: RouterGeometry | null;
}

/** cos of experts a and b; `null` where one has no length or is not finite. */
export function cosineOf({ n, products }: ExpertGram, a: number, b: number): number | null {
  const lengths = Math.sqrt((products[a * n + a] ?? 0) * (products[b * n + b] ?? 0));
  const cosine = (products[a * n + b] ?? 0) / lengths;
  return lengths > 0 && Number.isFinite(cosine) ? cosine : null;
}

/** ‖W_a‖; `null` where it is not finite. */
export function normOf({ n, products }: ExpertGram, a: number): number | null {
  const norm = Math.sqrt(products[a * n + a] ?? NaN);
  return Number.isFinite(norm) ? norm : null;
}

/**
 * Inner products of all experts with each other and of all router rows, layer by layer; every weight is read once.
 * Fails as reading does, or with `cancelled`.
 */
export async function expertGeometry(
  models: readonly ExpertModel[],
  context: LensContext,
): Promise<Result<{ readonly layers: readonly LayerGeometry[]; readonly bytesRead: number }>> {
  const all = models.flatMap((model) => model.layers.map((layer) => ({ model, layer })));
  const groups = all.map(({ layer }) => groupsOf(layer));
  const read = await readGroups(groups.flat(), false, context);
  if (!read.ok) return read;
  const routers = await readRouters(
    all.map(({ layer }) => layer),
    context,
  );
  if (!routers.ok) return routers;
  let at = 0;
  const layers = all.map(({ model, layer }, index) => {
    const count = groups[index]?.length ?? 0;
    const sums = read.value.sums.slice(at, at + count);
    at += count;
    const router = routers.value[index] ?? null;
    return { model, layer, experts: gramOf(sums, layer.experts.length), router };
  });
  const routerBytes = all.reduce((sum, { layer }) => sum + (layer.router?.span.bytes ?? 0), 0);
  return success({ layers, bytesRead: read.value.bytesRead + routerBytes });
}

/** One group per part: the first expert in place of a base, the others in place of tasks. */
function groupsOf({ experts }: ExpertLayer): TensorGroup[] {
  const [first, ...rest] = experts;
  if (!first) return [];
  return first.weights.map(({ entry, span }, part) => ({
    base: { name: entry.name, span },
    members: rest.flatMap(({ weights }, task) => {
      const weight = weights[part];
      return weight ? [{ task, delta: { kind: 'dense' as const, span: weight.span } }] : [];
    }),
  }));
}

/** ⟨w_j, w_k⟩ = ⟨w_j − w_0, w_k − w_0⟩ + ⟨w_0, w_j⟩ + ⟨w_0, w_k⟩ − ‖w_0‖², summed over the parts. */
function gramOf(parts: readonly GroupSums[], n: number): ExpertGram {
  const products = new Float64Array(n * n);
  for (const { baseSquares, tasks, gram } of parts) {
    const dots = [baseSquares, ...tasks.map(({ dot }) => dot)];
    const whole = [true, ...tasks.map(({ skipped }) => (skipped ?? 0) === 0)];
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) {
        const difference = j === 0 || k === 0 ? 0 : (gram[(j - 1) * (n - 1) + k - 1] ?? 0);
        const product =
          j === k && j > 0
            ? (tasks[j - 1]?.taskSquares ?? NaN)
            : difference + (dots[j] ?? NaN) + (dots[k] ?? NaN) - baseSquares;
        const known = whole[j] === true && whole[k] === true;
        products[j * n + k] = (products[j * n + k] ?? 0) + (known ? product : NaN);
      }
    }
  }
  return { n, products };
}

async function readRouters(
  layers: readonly ExpertLayer[],
  context: LensContext,
): Promise<Result<(RouterGeometry | null)[]>> {
  const found: (RouterGeometry | null)[] = layers.map(() => null);
  const places: number[] = [];
  const work: MatrixWork[] = [];
  layers.forEach(({ router, experts }, index) => {
    const source = router && tensorSource(router);
    const last = experts.at(-1)?.number ?? 0;
    if (!source || source.rows <= last) return;
    for (const kind of ['values', 'singularValues'] as const) {
      places.push(index);
      work.push({ operation: { kind }, load: () => Promise.resolve(success(source)) });
    }
  });
  const grams: (ExpertGram | null)[] = layers.map(() => null);
  const silent = { ...context, progress: () => undefined, log: (message: string) => context.log(message) };
  const read = await readMatrices(work, silent, (outcome, at) => {
    const index = places[at] ?? 0;
    const rows = (layers[index]?.experts ?? []).map(({ number }) => number ?? 0);
    if (outcome.values) grams[index] = rowGram(outcome.values, outcome.columns, rows);
    const gram = grams[index];
    if (at % 2 === 1 && gram) {
      found[index] = { gram, figures: outcome.singular && spectralFigures(outcome.singular) };
    }
  });
  return read.ok ? success(found) : read;
}

function rowGram(values: Float64Array, columns: number, rows: readonly number[]): ExpertGram {
  const n = rows.length;
  const products = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) {
      let sum = 0;
      const [first = 0, second = 0] = [(rows[a] ?? 0) * columns, (rows[b] ?? 0) * columns];
      for (let at = 0; at < columns; at++) sum += (values[first + at] ?? 0) * (values[second + at] ?? 0);
      products[a * n + b] = sum;
      products[b * n + a] = sum;
    }
  }
  return { n, products };
}

import type { TensorEntry } from '../format/checkpoint';
import type { TensorSpan } from '../tensor/span';
import { isFloating } from './dense-task';
import { expertTensorOf, type ExpertPart, type ExpertTensor } from './expert-names';
import { compareNatural, compareRows, placeOf } from './naming';

/** One expert's part of a tensor: a matrix that lies in one piece. */
export interface ExpertWeight {
  readonly part: ExpertPart;
  readonly entry: TensorEntry;
  /** Only this expert's values; its shape is rows × columns as stored. */
  readonly span: TensorSpan;
  /** `in-out`: inputs × outputs as stored. */
  readonly stored: 'out-in' | 'in-out';
}

/** One feed-forward network of a mixture. */
export interface Expert {
  /** `expert 3`, `shared expert`. */
  readonly label: string;
  /** Number in the mixture; `null` for a shared expert. */
  readonly number: number | null;
  /** Gate, up, down, or gate and up in one; in this order. */
  readonly weights: readonly ExpertWeight[];
}

/** One mixture of experts: a layer's feed-forward block. */
export interface ExpertLayer {
  /** Row of a heatmap ({@link Place.row}). */
  readonly layer: string;
  readonly label: string;
  /** `model.layers.3.block_sparse_moe` */
  readonly container: string;
  /** Experts × hidden; `null` where the checkpoint has none. */
  readonly router: TensorEntry | null;
  /** By number. All have the same parts. */
  readonly experts: readonly Expert[];
  /** Experts that every token passes. */
  readonly shared: readonly Expert[];
  /** In a fused gate-up tensor the first half of the outputs is the gate, or every other one is. */
  readonly gateUp: 'halves' | 'interleaved';
}

const PART_ORDER: readonly ExpertPart[] = ['gate', 'gate-up', 'up', 'down'];

interface Named extends ExpertTensor {
  readonly entry: TensorEntry;
}

/**
 * Finds the mixtures of experts of a checkpoint, in network order: experts stored one by one (Mixtral, DeepSeek, Qwen)
 * and experts stacked in one tensor (Granite, DBRX, Llama 4, gpt-oss). Packed integers (quantised experts) are left out.
 */
export function expertLayers(tensors: readonly TensorEntry[]): ExpertLayer[] {
  const containers = new Map<string, Named[]>();
  for (const entry of tensors) {
    const named = expertTensorOf(entry.name);
    if (!named || !isFloating(entry)) continue;
    const list = containers.get(named.container) ?? [];
    list.push({ ...named, entry });
    containers.set(named.container, list);
  }
  const layers = [...containers].flatMap(([container, list]) => layerOf(container, list, tensors) ?? []);
  return layers.sort((a, b) => compareRows(a.layer, b.layer) || compareNatural(a.container, b.container));
}

function layerOf(
  container: string,
  list: readonly Named[],
  tensors: readonly TensorEntry[],
): ExpertLayer | null {
  const router = list.find(({ part }) => part === 'router')?.entry ?? null;
  const one = list.filter(({ part, shared }) => part !== 'router' && !shared);
  const experts = one.some(({ expert }) => expert !== null) ? splitExperts(one) : stackedExperts(one, router);
  const [first] = one;
  if (!first || experts.length === 0) return null;
  const place = placeOf(first.entry.name);
  const bias = `${first.entry.name.replace(/\.[^.]*$/, '')}.gate_up_proj_bias`;
  return {
    layer: place.row,
    label: place.layerLabel,
    container,
    router,
    experts,
    shared: sharedExperts(list.filter(({ shared }) => shared)),
    // gpt-oss alone interleaves, and alone has biases in its stacked experts.
    gateUp: tensors.some(({ name }) => name === bias) ? 'interleaved' : 'halves',
  };
}

function splitExperts(list: readonly Named[]): Expert[] {
  const numbers = [...new Set(list.flatMap(({ expert }) => expert ?? []))].sort((a, b) => a - b);
  return numbers.map((number) => ({
    label: `expert ${String(number)}`,
    number,
    weights: ordered(
      list.filter(({ expert }) => expert === number).flatMap(({ part, entry }) => whole(part, entry)),
    ),
  }));
}

function sharedExperts(list: readonly Named[]): Expert[] {
  const numbers = [...new Set(list.map(({ expert }) => expert))];
  return numbers.map((number) => ({
    label: numbers.length > 1 ? `shared expert ${String(number)}` : 'shared expert',
    number: null,
    weights: ordered(
      list.filter(({ expert }) => expert === number).flatMap(({ part, entry }) => whole(part, entry)),
    ),
  }));
}

function whole(part: Named['part'], entry: TensorEntry): ExpertWeight[] {
  if (part === 'router' || entry.span.shape.length !== 2) return [];
  return [{ part, entry, span: entry.span, stored: entry.name.endsWith('.kernel') ? 'in-out' : 'out-in' }];
}

/** Experts stacked along the first dimension: [E, rows, columns], or [E · rows, columns] as DBRX has them. */
function stackedExperts(list: readonly Named[], router: TensorEntry | null): Expert[] {
  const flat = list.every(({ entry }) => entry.span.shape.length === 2);
  const count = flat ? router?.span.shape[0] : list[0]?.entry.span.shape[0];
  if (count === undefined || count === 0) return [];
  const stored = storedAs(list);
  const weights = list.flatMap(({ part, entry }) => {
    const { shape } = entry.span;
    const [rows = 0, columns = 0] = flat ? [(shape[0] ?? 0) / count, shape[1]] : [shape[1], shape[2]];
    if (part === 'router' || !Number.isInteger(rows) || rows * columns * count !== entry.span.count)
      return [];
    return [{ part, entry, rows, columns, stored: stored(part) }];
  });
  if (weights.length === 0) return [];
  return Array.from({ length: count }, (_, number) => ({
    label: `expert ${String(number)}`,
    number,
    weights: ordered(
      weights.map(({ rows, columns, ...rest }) => ({
        ...rest,
        span: sliceOf(rest.entry.span, number, rows, columns),
      })),
    ),
  }));
}

/** How stacked experts are stored: what gate and up put out, down takes in. */
function storedAs(list: readonly Named[]): (part: ExpertPart) => ExpertWeight['stored'] {
  const shapeOf = (wanted: readonly ExpertPart[]) =>
    list.find(({ part }) => wanted.some((each) => each === part))?.entry.span.shape;
  const down = shapeOf(['down']);
  const fused = shapeOf(['gate-up']);
  // DBRX: w1, v1 and w2 have one shape, inner × hidden; so down alone is turned.
  if (down?.length === 2) return (part) => (part === 'down' ? 'in-out' : 'out-in');
  const up = fused ?? shapeOf(['up', 'gate']);
  const isInOut =
    up !== undefined && down !== undefined && up[1] === down[2] && up[2] === (fused ? 2 : 1) * (down[1] ?? 0);
  return () => (isInOut ? 'in-out' : 'out-in');
}

/** The values of one expert of a stack, as a span of its own. */
function sliceOf(span: TensorSpan, number: number, rows: number, columns: number): TensorSpan {
  const count = rows * columns;
  const bytes = (span.bytes / span.count) * count;
  return { ...span, offset: span.offset + number * bytes, bytes, count, shape: [rows, columns] };
}

function ordered(weights: readonly ExpertWeight[]): ExpertWeight[] {
  return [...weights].sort((a, b) => PART_ORDER.indexOf(a.part) - PART_ORDER.indexOf(b.part));
}

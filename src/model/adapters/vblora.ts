import type { TensorEntry } from '../../format/checkpoint';
import { endings } from './endings';
import type { AdapterFamily, AdapterRules, Factors, ModuleTensors, PartValues } from './family';
import { refusal } from './target';

/** PEFT's default for `topk`. */
const TOP = 2;

/**
 * VB-LoRA (Li et al. 2024, https://arxiv.org/abs/2405.15179, eq. 2): pieces of A and B are sums of the k vectors of a shared bank with the
 * largest logits, weighted by a softmax over these. Logits of A are r × inputs/v × h, those of B outputs/v × r × h. Files with
 * `save_only_topk_weights` keep indices and all weights but the last, which is what is missing to 1. ΔW = B·A.
 */
export const vblora: AdapterFamily = {
  id: 'vblora',
  title: 'VB-LoRA',
  source: 'https://arxiv.org/abs/2405.15179',
  endings: endings('PEFT', {
    vblora_vector_bank: 'shared.vblora_bank',
    vblora_logits_A: 'logits.a',
    vblora_logits_B: 'logits.b',
    vblora_logits_A_topk_indices: 'indices.a',
    vblora_logits_A_topk_weights: 'weights.a',
    vblora_logits_B_topk_indices: 'indices.b',
    vblora_logits_B_topk_weights: 'weights.b',
  }),
  describe(tensors, rules) {
    const { parts } = tensors;
    const [a, b] = [sideOf(tensors, 'a'), sideOf(tensors, 'b')];
    if (!a && !b) return parts.has('shared.vblora_bank') ? [] : null;
    const bank = rules.shared('shared.vblora_bank');
    if (!a || !b || !bank)
      return [
        refusal('VB-LoRA', tensors, 'lacks its vector bank or the logits of a side', 'lora-factor-missing'),
      ];
    const [, length = 0] = bank.span.shape;
    const [rank = 0, inTiles = 0] = a.shape;
    const [outTiles = 0, otherRank] = b.shape;
    if (rank !== otherRank || length === 0)
      return [refusal('VB-LoRA', tensors, 'its logits are of different ranks', 'lora-factors-disagree')];
    const shape = { rows: outTiles * length, columns: inTiles * length };
    const top = topOf(rules);
    const all = new Map([...a.entries, ...b.entries, ['bank', bank] as const]);
    return [
      {
        kind: 'target', title: 'VB-LoRA', key: tensors.key, module: tensors.key.module, parameter: 'weight',
        rank, storedRank: rank, alpha: null, scale: 1,
        tensors: [...a.entries, ...b.entries].map(([, entry]) => entry),
        shape, embedding: false,
        recipe: { kind: 'factored', rank, parts: all, factors: (values) => factorsOf(values, { ...shape, rank, length, top }) },
      },
    ]; // prettier-ignore
  },
};

interface Side {
  readonly shape: readonly number[];
  readonly entries: readonly (readonly [string, TensorEntry])[];
}

function sideOf({ parts }: ModuleTensors, side: 'a' | 'b'): Side | null {
  const [logits, indices, weights] = ['logits', 'indices', 'weights'].map((part) =>
    parts.get(`${part}.${side}`),
  );
  if (logits) return { shape: logits.span.shape, entries: [[`logits.${side}`, logits]] };
  if (!indices) return null;
  return {
    shape: indices.span.shape,
    entries: [[`indices.${side}`, indices], ...(weights ? [[`weights.${side}`, weights] as const] : [])],
  };
}

function topOf(rules: AdapterRules): number {
  const top = Number(rules.field('topk') ?? TOP);
  return Number.isInteger(top) && top > 0 ? top : TOP;
}

interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly length: number;
  readonly top: number;
}

function factorsOf(values: PartValues, { rows, columns, rank, length, top }: Sizes): Factors {
  const bank = values.get('bank')?.values ?? new Float64Array(0);
  const a = pieces(values, 'a', bank, length, top);
  const across = pieces(values, 'b', bank, length, top);
  // outputs/v × r × v → outputs × r.
  const b = new Float64Array(rows * rank);
  for (let tile = 0; tile < rows / length; tile++)
    for (let k = 0; k < rank; k++)
      for (let i = 0; i < length; i++)
        b[(tile * length + i) * rank + k] = across[(tile * rank + k) * length + i] as number;
  return { rows, columns, rank, a, b };
}

/** One vector of the bank's length for every group of logits. */
function pieces(
  values: PartValues,
  side: 'a' | 'b',
  bank: Float64Array,
  length: number,
  top: number,
): Float64Array {
  const chosen = choices(values, side, top);
  const sums = new Float64Array(chosen.length * length);
  for (const [piece, weights] of chosen.entries()) {
    for (const [vector, weight] of weights)
      for (let i = 0; i < length; i++)
        sums[piece * length + i] =
          (sums[piece * length + i] as number) + weight * (bank[vector * length + i] ?? NaN);
  }
  return sums;
}

/** Vectors and weights of every piece. */
function choices(values: PartValues, side: 'a' | 'b', top: number): (readonly [number, number])[][] {
  const logits = values.get(`logits.${side}`);
  if (logits) {
    const count = logits.shape.at(-1) ?? 1;
    return Array.from({ length: logits.values.length / count }, (_, piece) =>
      softmaxOfTop(logits.values.subarray(piece * count, (piece + 1) * count), top),
    );
  }
  const [indices, weights] = [values.get(`indices.${side}`), values.get(`weights.${side}`)];
  const k = indices?.shape.at(-1) ?? 1;
  return Array.from({ length: (indices?.values.length ?? 0) / k }, (_, piece) => {
    let left = 1;
    return Array.from({ length: k }, (__, at) => {
      const weight = at < k - 1 ? (weights?.values[piece * (k - 1) + at] ?? NaN) : left;
      left -= weight;
      return [indices?.values[piece * k + at] ?? NaN, weight] as const;
    });
  });
}

function softmaxOfTop(logits: Float64Array, top: number): (readonly [number, number])[] {
  const order = Array.from(logits.keys())
    .sort((x, y) => (logits[y] as number) - (logits[x] as number) || x - y)
    .slice(0, top);
  const most = logits[order[0] ?? 0] ?? 0;
  const weights = order.map((at) => Math.exp((logits[at] as number) - most));
  const sum = weights.reduce((total, value) => total + value, 0);
  return order.map((at, place) => [at, (weights[place] ?? NaN) / sum] as const);
}

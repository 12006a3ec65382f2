import type { TensorEntry } from '../../format/checkpoint';
import { shapeText } from '../shape-text';
import { endings } from './endings';
import {
  matrixOf,
  type AdapterFamily,
  type AdapterRules,
  type AdapterTarget,
  type DeltaRecipe,
  type Described,
  type Factors,
  type MatrixShape,
  type ModuleTensors,
  type PartValues,
} from './family';
import { formedTarget, refusal } from './target';

/**
 * LoRA, `ΔW = (alpha / r) · B · A` (Hu et al. 2022, https://arxiv.org/abs/2106.09685, eq. 3), in every naming; with √r for
 * rsLoRA (Kalajdzievski 2023, https://arxiv.org/abs/2312.03732). Of a convolution A has the kernel and B is 1 × 1 (LoCon).
 */
export const lora: AdapterFamily = {
  id: 'lora',
  title: 'LoRA',
  source: 'https://arxiv.org/abs/2106.09685',
  endings: [
    ...endings('PEFT', {
      'lora_A.weight': 'a',
      'lora_B.weight': 'b',
      'lora_B.bias': 'b.bias',
      lora_embedding_A: 'embedding.a',
      lora_embedding_B: 'embedding.b',
    }),
    ...endings('loralib', { lora_A: 'a', lora_B: 'b' }),
    ...endings('kohya', {
      'lora_down.weight': 'a',
      'lora_up.weight': 'b',
      'lora_mid.weight': 'mid',
      alpha: 'alpha',
      scalar: 'scalar',
    }),
    ...endings('diffusers', {
      'lora.down.weight': 'a',
      'lora.up.weight': 'b',
      'lora_linear_layer.down.weight': 'a',
      'lora_linear_layer.up.weight': 'b',
      'lora_conv2d_layer.down.weight': 'a',
      'lora_conv2d_layer.up.weight': 'b',
      'lora.alpha': 'alpha',
    }),
    ...endings('MLX', { lora_a: 'a.turned', lora_b: 'b.turned' }),
    ...endings('GGUF', { 'weight.lora_a': 'a', 'weight.lora_b': 'b' }),
  ],
  describe(tensors, rules) {
    const factors = factorsOf(tensors);
    if (factors === null) return null;
    if ('reason' in factors) return [refusal('LoRA', tensors, factors.reason, factors.code)];
    const described: Described[] = [targetOf(tensors, factors, rules)];
    const bias = tensors.parts.get('b.bias');
    if (bias) described.push(biasTarget(tensors, factors, bias, rules));
    return described;
  },
};

/** What the factors of a module are. */
interface LoraFactors {
  readonly title: string;
  readonly rank: number;
  /** The rank by which is scaled. */
  readonly nominal: number;
  readonly shape: MatrixShape;
  readonly embedding: boolean;
  readonly used: readonly TensorEntry[];
  readonly recipe: DeltaRecipe;
}

interface Mismatch {
  readonly code:
    'lora-factor-missing' | 'lora-factors-disagree' | 'adapter-kind-unsupported' | 'adapter-mixed-deltas';
  readonly reason: string;
}

/** The factors of a LoRA in any naming; a mismatch where they do not go together; `null` where there are none. */
export function factorsOf({ parts }: ModuleTensors): LoraFactors | Mismatch | null {
  const turned = parts.has('a.turned') || parts.has('b.turned');
  const embedding = parts.has('embedding.a') || parts.has('embedding.b');
  const prefix = embedding ? 'embedding.' : '';
  const [down, up] = turned ? ['a.turned', 'b.turned'] : [`${prefix}a`, `${prefix}b`];
  const [a, b, mid] = [parts.get(down), parts.get(up), parts.get('mid')];
  if (!a && !b) return null;
  if (!a || !b) return missing(a, b);
  // MLX multiplies from the right, x·a·b with a in × r and b r × out: ΔW = (a·b)ᵀ.
  const [first, second] = turned ? [b, a] : [a, b];
  if (first.span.shape.length < 2 || second.span.shape.length < 2) return disagree(first, second);
  if (mid) return tucker(first, second, mid);
  return product(first, second, turned, embedding);
}

function missing(a: TensorEntry | undefined, b: TensorEntry | undefined): Mismatch {
  const [there, gone] = a ? ['lora_A', 'lora_B'] : ['lora_B', 'lora_A'];
  return { code: 'lora-factor-missing', reason: `has ${there} (${(a ?? b)?.name ?? ''}) but no ${gone}` };
}

function disagree(a: TensorEntry, b: TensorEntry): Mismatch {
  const shapes = `${shapeText(a.span.shape)} and ${shapeText(b.span.shape)}`;
  return { code: 'lora-factors-disagree', reason: `lora_A and lora_B are ${shapes}: their ranks differ` };
}

/** loralib keeps factors as parameters of the layer itself: they have no `.weight`. */
const LORALIB = /\.lora_A$/;

function product(
  a: TensorEntry,
  b: TensorEntry,
  turned: boolean,
  embedding: boolean,
): LoraFactors | Mismatch {
  const rank = a.span.shape[0] ?? 0;
  const own = matrixOf(b);
  if (a.span.shape.length > 2 && turned)
    return { code: 'adapter-kind-unsupported', reason: 'factors of stacked experts are not taken yet' };
  if (isOfExperts(a, b))
    return { code: 'adapter-mixed-deltas', reason: 'a router mixes the LoRAs of its experts by the input' };
  const groups = own.columns > 0 ? rank / own.columns : 0;
  if (b.span.shape.slice(2).some((size) => size !== 1))
    return { code: 'adapter-kind-unsupported', reason: 'lora_B of the convolution has a kernel of its own' };
  if (groups > 1 && Number.isInteger(groups) && LORALIB.test(a.name)) return merged(a, b, groups);
  if (rank === 0 || own.columns !== rank) return disagree(a, b);
  const shape = { rows: own.rows, columns: matrixOf(a).columns };
  return {
    title: a.span.shape.length > 2 ? 'LoCon' : 'LoRA',
    rank,
    nominal: rank,
    shape: turned ? { rows: shape.columns, columns: shape.rows } : shape,
    embedding,
    used: [a, b],
    recipe: { kind: 'product', a, b, turned },
  };
}

/** MoLoRA (Zadouri et al. 2023, https://arxiv.org/abs/2309.05444): experts × inputs × r and experts × r × outputs. */
function isOfExperts(a: TensorEntry, b: TensorEntry): boolean {
  const [experts, , rank] = a.span.shape;
  const [others, inner] = b.span.shape;
  return a.span.shape.length === 3 && b.span.shape.length === 3 && experts === others && rank === inner;
}

/**
 * loralib's `MergedLinear`: a fused projection of `groups` parts, each with factors of its own, stacked:
 * ΔW is block by block B₍ⱼ₎·A₍ⱼ₎. Which parts were trained is not in the file; where the base has exactly as many rows all were.
 */
function merged(a: TensorEntry, b: TensorEntry, groups: number): LoraFactors | Mismatch {
  const { rows, columns: rank } = matrixOf(b);
  if (rows % groups !== 0) return disagree(a, b);
  const shape = { rows, columns: matrixOf(a).columns };
  const parts = new Map([
    ['a', a],
    ['b', b],
  ]);
  const factors = (values: PartValues): Factors => {
    const stacked = new Float64Array(rows * rank * groups);
    const own = values.get('b')?.values ?? new Float64Array(rows * rank);
    for (let row = 0; row < rows; row++) {
      const group = Math.floor((row * groups) / rows);
      stacked.set(own.subarray(row * rank, (row + 1) * rank), (row * groups + group) * rank);
    }
    return { ...shape, rank: rank * groups, b: stacked, a: values.get('a')?.values ?? new Float64Array(0) };
  };
  return {
    title: 'LoRA',
    rank: rank * groups,
    nominal: rank,
    shape,
    embedding: false,
    used: [a, b],
    recipe: { kind: 'factored', rank: rank * groups, parts, factors },
  };
}

/**
 * LoCon with a Tucker core (LyCORIS, https://arxiv.org/abs/2309.14859, sec. 3.1): ΔW[o, i, k] = Σ_pq up[o, p] · mid[p, q, k] ·
 * down[q, i]. As a product B is `up` and A the core contracted with `down`.
 */
function tucker(down: TensorEntry, up: TensorEntry, mid: TensorEntry): LoraFactors | Mismatch {
  const [outer = 0, inner = 0, ...kernel] = mid.span.shape;
  const [downRank, inputs] = [down.span.shape[0] ?? 0, matrixOf(down).columns];
  const { rows, columns: upRank } = matrixOf(up);
  if (outer === 0 || outer !== upRank || inner !== downRank) return disagree(down, up);
  const width = kernel.reduce((product, size) => product * size, 1);
  const shape = { rows, columns: inputs * width };
  const parts = new Map([
    ['a', down],
    ['b', up],
    ['mid', mid],
  ]);
  const factors = (values: PartValues): Factors => ({
    ...shape,
    rank: outer,
    b: values.get('b')?.values ?? new Float64Array(0),
    a: contracted(values, outer, inner, width, inputs),
  });
  return {
    title: 'LoCon (Tucker)',
    rank: outer,
    nominal: downRank,
    shape,
    embedding: false,
    used: [down, up, mid],
    recipe: { kind: 'factored', rank: outer, parts, factors },
  };
}

/** Σ_q mid[p, q, k] · down[q, i], as p × (i, k). */
function contracted(
  values: PartValues,
  outer: number,
  inner: number,
  width: number,
  inputs: number,
): Float64Array {
  const down = values.get('a')?.values ?? new Float64Array(0);
  const mid = values.get('mid')?.values ?? new Float64Array(0);
  const sum = new Float64Array(outer * inputs * width);
  for (let p = 0; p < outer; p++) {
    for (let q = 0; q < inner; q++) {
      for (let i = 0; i < inputs; i++) {
        const factor = down[q * inputs + i] as number;
        for (let k = 0; k < width; k++) {
          const at = (p * inputs + i) * width + k;
          sum[at] = (sum[at] as number) + factor * (mid[(p * inner + q) * width + k] as number);
        }
      }
    }
  }
  return sum;
}

function targetOf(tensors: ModuleTensors, factors: LoraFactors, rules: AdapterRules): AdapterTarget {
  const { title, shape, embedding, used, recipe } = factors;
  const { rank, alpha, scale } = rules.scaleOf(tensors, factors.nominal);
  const scalar = rules.scalar(tensors.parts.get('scalar')) ?? 1;
  return {
    kind: 'target', title, key: tensors.key, module: tensors.key.module, parameter: 'weight',
    rank, storedRank: factors.nominal, alpha, scale: scale * scalar, tensors: used, shape, embedding, recipe,
  }; // prettier-ignore
}

/** PEFT's `lora_bias`: the bias of lora_B is added to the output, scaled like the product. */
function biasTarget(
  tensors: ModuleTensors,
  { nominal }: LoraFactors,
  bias: TensorEntry,
  rules: AdapterRules,
): AdapterTarget {
  const { rank, alpha, scale } = rules.scaleOf(tensors, nominal);
  const target = formedTarget('LoRA', tensors, new Map([['b.bias', bias]]), 'bias', (values, base) => {
    const own = values.get('b.bias')?.values ?? base;
    return base.map((value, at) => value + scale * (own[at] as number));
  });
  return { ...target, rank, alpha, scale };
}

import { shapeText } from '../shape-text';
import { endings } from './endings';
import {
  matrixOf,
  type AdapterFamily,
  type AdapterRules,
  type Described,
  type Factors,
  type ModuleTensors,
  type PartValues,
} from './family';
import { contractCore, multiply } from './products';
import { refusal } from './target';

/**
 * LoHa, `ΔW = (alpha / r) · (W1a·W1b) ∘ (W2a·W2b)` (FedPara, Hyeon-Woo et al. 2022, https://arxiv.org/abs/2108.06098, prop. 1;
 * LyCORIS, https://arxiv.org/abs/2309.14859, sec. 3.2). With cores t1, t2 each product is Σ t[i, j, k] · wa[i, o] · wb[j, n].
 */
export const loha: AdapterFamily = {
  id: 'loha',
  title: 'LoHa',
  source: 'https://arxiv.org/abs/2108.06098',
  endings: endings('LyCORIS', {
    hada_w1_a: 'w1a',
    hada_w1_b: 'w1b',
    hada_w2_a: 'w2a',
    hada_w2_b: 'w2b',
    hada_t1: 't1',
    hada_t2: 't2',
  }),
  describe(tensors, rules) {
    const factors = FACTORS.map((part) => tensors.parts.get(part));
    if (factors.every((entry) => entry === undefined)) return null;
    if (factors.includes(undefined))
      return [refusal('LoHa', tensors, 'lacks one of its four factors', 'lora-factor-missing')];
    return [tensors.parts.has('t1') ? withCores(tensors, rules) : plain(tensors, rules)];
  },
};

const FACTORS = ['w1a', 'w1b', 'w2a', 'w2b'];

/** (B₁A₁)∘(B₂A₂) is of rank r₁r₂: its factors are the row-wise and column-wise Kronecker products of the factors. */
function plain(tensors: ModuleTensors, rules: AdapterRules): Described {
  const [w1a, w1b, w2a, w2b] = FACTORS.map((part) => sizeOf(tensors, part));
  if (!w1a || !w1b || !w2a || !w2b) return refusal('LoHa', tensors, 'lacks a factor', 'lora-factor-missing');
  const fits =
    w1a.columns === w1b.rows &&
    w2a.columns === w2b.rows &&
    w1a.rows === w2a.rows &&
    w1b.columns === w2b.columns;
  if (!fits) return disagree(tensors);
  const shape = { rows: w1a.rows, columns: w1b.columns };
  const rank = w1a.columns * w2a.columns;
  const factors = (values: PartValues): Factors => ({
    ...shape,
    rank,
    b: rowProducts(valuesOf(values, 'w1a'), valuesOf(values, 'w2a'), shape.rows),
    a: columnProducts(valuesOf(values, 'w1b'), valuesOf(values, 'w2b'), shape.columns),
  });
  const product = (values: PartValues): Float64Array =>
    entrywise(
      multiply(valuesOf(values, 'w1a'), valuesOf(values, 'w1b'), shape.rows, w1a.columns, shape.columns),
      multiply(valuesOf(values, 'w2a'), valuesOf(values, 'w2b'), shape.rows, w2a.columns, shape.columns),
    );
  return target(tensors, rules, w1b.rows, shape, { rank, factors, product });
}

/** With cores the factors lie the other way round, r × out and r × in, and ΔW is no product of small factors. */
function withCores(tensors: ModuleTensors, rules: AdapterRules): Described {
  const [w1a, w1b, w2a, w2b] = FACTORS.map((part) => sizeOf(tensors, part));
  const [t1, t2] = [tensors.parts.get('t1')?.span.shape, tensors.parts.get('t2')?.span.shape];
  if (!w1a || !w1b || !w2a || !w2b || !t1 || !t2)
    return refusal('LoHa', tensors, 'lacks a factor or a core', 'lora-factor-missing');
  const width = t1.slice(2).reduce((size, each) => size * each, 1);
  const fits =
    t1[0] === w1a.rows && t1[1] === w1b.rows && t2[0] === w2a.rows && t2[1] === w2b.rows &&
    w1a.columns === w2a.columns && w1b.columns === w2b.columns && shapeText(t1.slice(2)) === shapeText(t2.slice(2)); // prettier-ignore
  if (!fits) return disagree(tensors);
  const shape = { rows: w1a.columns, columns: w1b.columns * width };
  const product = (values: PartValues): Float64Array =>
    entrywise(contractCore(values, 't1', 'w1a', 'w1b'), contractCore(values, 't2', 'w2a', 'w2b'));
  const identity = (values: PartValues): Factors =>
    identityFactors(product(values), shape.rows, shape.columns);
  return target(tensors, rules, w1b.rows, shape, { rank: shape.rows, factors: identity, product });
}

/** A matrix as a product of factors where there are no smaller ones: itself and 1. */
export function identityFactors(values: Float64Array, rows: number, columns: number): Factors {
  const b = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) b[i * rows + i] = 1;
  return { rows, columns, rank: rows, b, a: values };
}

function target(
  tensors: ModuleTensors,
  rules: AdapterRules,
  storedRank: number,
  shape: { readonly rows: number; readonly columns: number },
  recipe: {
    readonly rank: number;
    factors(values: PartValues): Factors;
    product(values: PartValues): Float64Array;
  },
): Described {
  const { rank, alpha, scale } = rules.scaleOf(tensors, storedRank);
  const parts = new Map([...tensors.parts].filter(([part]) => part !== 'alpha' && part !== 'dora_scale'));
  return {
    kind: 'target', title: 'LoHa', key: tensors.key, module: tensors.key.module, parameter: 'weight', rank, storedRank,
    alpha, scale, tensors: [...parts.values()], shape, embedding: false, recipe: { kind: 'factored', parts, ...recipe },
  }; // prettier-ignore
}

function disagree(tensors: ModuleTensors): Described {
  const shapes = [...tensors.parts].map(([part, { span }]) => `${part} ${shapeText(span.shape)}`).join(', ');
  return refusal('LoHa', tensors, `its factors do not go together (${shapes})`, 'lora-factors-disagree');
}

function sizeOf({ parts }: ModuleTensors, part: string): { rows: number; columns: number } | undefined {
  const entry = parts.get(part);
  return entry && matrixOf(entry);
}

function valuesOf(values: PartValues, part: string): Float64Array {
  return values.get(part)?.values ?? new Float64Array(0);
}

/** Row i is the Kronecker product of rows i: rows × (r₁r₂). */
function rowProducts(x: Float64Array, y: Float64Array, rows: number): Float64Array {
  const [p, q] = [x.length / rows, y.length / rows];
  const product = new Float64Array(rows * p * q);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < p; k++)
      for (let l = 0; l < q; l++)
        product[(i * p + k) * q + l] = (x[i * p + k] as number) * (y[i * q + l] as number);
  return product;
}

/** Column j is the Kronecker product of columns j: (r₁r₂) × columns. */
function columnProducts(x: Float64Array, y: Float64Array, columns: number): Float64Array {
  const [p, q] = [x.length / columns, y.length / columns];
  const product = new Float64Array(p * q * columns);
  for (let k = 0; k < p; k++)
    for (let l = 0; l < q; l++)
      for (let j = 0; j < columns; j++)
        product[(k * q + l) * columns + j] = (x[k * columns + j] as number) * (y[l * columns + j] as number);
  return product;
}

function entrywise(x: Float64Array, y: Float64Array): Float64Array {
  return x.map((value, at) => value * (y[at] as number));
}

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
 * LoKr, `ΔW = (alpha / r) · W1 ⊗ W2` (LyCORIS, https://arxiv.org/abs/2309.14859, sec. 3.3; KronA, https://arxiv.org/abs/2212.10650):
 * each side whole, or a product of two factors; W2 of a convolution has the kernel, perhaps through a Tucker core.
 */
export const lokr: AdapterFamily = {
  id: 'lokr',
  title: 'LoKr',
  source: 'https://arxiv.org/abs/2309.14859',
  endings: endings('LyCORIS', {
    lokr_w1: 'k1',
    lokr_w1_a: 'k1a',
    lokr_w1_b: 'k1b',
    lokr_w2: 'k2',
    lokr_w2_a: 'k2a',
    lokr_w2_b: 'k2b',
    lokr_t2: 'k2t',
  }),
  describe(tensors, rules) {
    if (!PARTS.some((part) => tensors.parts.has(part))) return null;
    const [left, right] = [sideOf(tensors, 'k1'), sideOf(tensors, 'k2')];
    if (typeof left === 'string') return [refusal('LoKr', tensors, left, 'lora-factor-missing')];
    if (typeof right === 'string') return [refusal('LoKr', tensors, right, 'lora-factor-missing')];
    return [targetOf(tensors, left, right, rules)];
  },
};

const PARTS = ['k1', 'k1a', 'k1b', 'k2', 'k2a', 'k2b', 'k2t'];

/** One side of the Kronecker product, as a matrix: first dimension × the rest. */
interface Side {
  readonly rows: number;
  /** Inputs, and entries of the kernel. */
  readonly columns: number;
  readonly width: number;
  /** Inner dimension of its factors; `null` where it is stored whole. */
  readonly rank: number | null;
  /** Inner dimension of the two factors that it is split into. */
  readonly inner: number;
  readonly value: (values: PartValues) => Float64Array;
  readonly split: (values: PartValues) => { readonly b: Float64Array; readonly a: Float64Array };
}

/** A side as the tensors have it, or what is wrong with it. */
function sideOf({ parts }: ModuleTensors, name: 'k1' | 'k2'): Side | string {
  const [whole, a, b, core] = [name, `${name}a`, `${name}b`, `${name}t`].map((part) => parts.get(part));
  if (whole) {
    const { rows, columns } = matrixOf(whole);
    const width = whole.span.shape.slice(2).reduce((size, each) => size * each, 1);
    const value = (values: PartValues) => valuesOf(values, name);
    return wholeSide({ rows, columns: columns / width, width, rank: null, value });
  }
  if (!a || !b) return `lacks ${name === 'k1' ? 'lokr_w1' : 'lokr_w2'} or one of its factors`;
  const [x, y] = [matrixOf(a), matrixOf(b)];
  if (core) {
    const [p, q, ...kernel] = core.span.shape;
    if (p !== x.rows || q !== y.rows)
      return `lokr_t2 ${shapeText(core.span.shape)} does not go with its factors`;
    const width = kernel.reduce((size, each) => size * each, 1);
    const value = (values: PartValues) => contractCore(values, `${name}t`, `${name}a`, `${name}b`);
    return wholeSide({ rows: x.columns, columns: y.columns, width, rank: y.rows, value });
  }
  if (x.columns !== y.rows)
    return `its factors ${shapeText(a.span.shape)} and ${shapeText(b.span.shape)} differ in rank`;
  const value = (values: PartValues) =>
    multiply(valuesOf(values, `${name}a`), valuesOf(values, `${name}b`), x.rows, x.columns, y.columns);
  const split = (values: PartValues) => ({
    b: valuesOf(values, `${name}a`),
    a: valuesOf(values, `${name}b`),
  });
  return { rows: x.rows, columns: y.columns, width: 1, rank: x.columns, inner: x.columns, value, split };
}

function wholeSide(side: Omit<Side, 'inner' | 'split'>): Side {
  const { rows, columns, width, value } = side;
  const split = (values: PartValues) => besideOne(value(values), rows, columns * width);
  return { ...side, inner: Math.min(rows, columns * width), split };
}

function targetOf(tensors: ModuleTensors, left: Side, right: Side, rules: AdapterRules): Described {
  const storedRank = left.rank ?? right.rank;
  const parts = new Map([...tensors.parts].filter(([part]) => PARTS.includes(part)));
  // LyCORIS: with both sides whole there is no rank to divide by, and the scale is 1. PEFT divides all the same.
  const isPeft = rules.field('peft_type') !== undefined;
  const scaling = storedRank !== null || isPeft ? rules.scaleOf(tensors, storedRank ?? 1) : null;
  // The columns of an unrolled convolution are (input, kernel); those of a factored W2 without a core as well.
  const shape = { rows: left.rows * right.rows, columns: left.columns * right.columns * right.width };
  const width = right.columns * right.width;
  const product = (values: PartValues): Float64Array =>
    kroneckerOf(left.value(values), left.rows, left.columns, right.value(values), right.rows, width);
  // rank(W1 ⊗ W2) = rank(W1) · rank(W2).
  const rank = left.inner * right.inner;
  const factors = (values: PartValues): Factors => factorsOf(left, right, values);
  return {
    kind: 'target', title: 'LoKr', key: tensors.key, module: tensors.key.module, parameter: 'weight',
    rank: scaling?.rank ?? null, storedRank: storedRank ?? (isPeft ? (scaling?.rank ?? null) : null),
    alpha: scaling?.alpha ?? null, scale: scaling?.scale ?? 1,
    tensors: [...parts.values()], shape, embedding: false, recipe: { kind: 'factored', rank, parts, factors, product },
  }; // prettier-ignore
}

/** x ⊗ y of a p × q and an m × n matrix: [i₁·m + i₂, j₁·n + j₂] = x[i₁, j₁] · y[i₂, j₂]. */
function kroneckerOf(
  x: Float64Array,
  p: number,
  q: number,
  y: Float64Array,
  m: number,
  n: number,
): Float64Array {
  const product = new Float64Array(p * m * q * n);
  for (let row = 0; row < p * m; row++) {
    const [outer, inner] = [Math.floor(row / m), row % m];
    for (let column = 0; column < q; column++) {
      const factor = x[outer * q + column] as number;
      const start = (row * q + column) * n;
      for (let j = 0; j < n; j++) product[start + j] = factor * (y[inner * n + j] as number);
    }
  }
  return product;
}

/** (B₁·A₁) ⊗ (B₂·A₂) = (B₁ ⊗ B₂)·(A₁ ⊗ A₂); a whole side stands for B or A, with 1 for the other. */
function factorsOf(left: Side, right: Side, values: PartValues): Factors {
  const [x, y] = [left.split(values), right.split(values)];
  const [p, q] = [left.inner, right.inner];
  const width = right.columns * right.width;
  return {
    rows: left.rows * right.rows,
    columns: left.columns * width,
    rank: p * q,
    b: kroneckerOf(x.b, left.rows, p, y.b, right.rows, q),
    a: kroneckerOf(x.a, p, left.columns, y.a, q, width),
  };
}

/** The whole side as B·A: beside a unit matrix of its smaller dimension. */
function besideOne(value: Float64Array, rows: number, columns: number): { b: Float64Array; a: Float64Array } {
  return rows < columns ? { b: identity(rows), a: value } : { b: value, a: identity(columns) };
}

function identity(size: number): Float64Array {
  const one = new Float64Array(size * size);
  for (let i = 0; i < size; i++) one[i * size + i] = 1;
  return one;
}

function valuesOf(values: PartValues, part: string): Float64Array {
  return values.get(part)?.values ?? new Float64Array(0);
}

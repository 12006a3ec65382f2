import type { TensorEntry } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import { decodeInto } from '../tensor/decode';
import type { LowRankDelta } from '../tensor/pass';
import type { TensorSpan } from '../tensor/span';
import type { DeltaRecipe, FormedRecipe, PartValues, SettledRecipe } from './adapters/family';

/** Reads the bytes of one tensor. */
export type ReadSpan = (span: TensorSpan) => Promise<Result<Uint8Array>>;

/**
 * Both factors of a target as float64, turned so that `scale · b · a` has the base tensor's shape: where the base stores the
 * weight transposed, (B·A)ᵀ = Aᵀ·Bᵀ, the factors are transposed and change places. Fails as reading does.
 */
export async function loadFactors(
  recipe: Exclude<SettledRecipe, FormedRecipe>,
  scale: number,
  transposed: boolean,
  read: ReadSpan,
): Promise<Result<LowRankDelta>> {
  if (recipe.kind === 'factored') {
    const values = await readParts(recipe.parts, read);
    if (!values.ok) return values;
    return success(turnedIf(transposed, { ...recipe.factors(values.value), scale }));
  }
  const { a, b, turned } = recipe;
  const values = await readParts(new Map([['a', a], ['b', b]]), read); // prettier-ignore
  if (!values.ok) return values;
  const rank = a.span.shape[0] ?? 0;
  const delta = {
    scale,
    rank,
    a: values.value.get('a')?.values ?? new Float64Array(0),
    b: values.value.get('b')?.values ?? new Float64Array(0),
    rows: b.span.count / rank,
    columns: a.span.count / rank,
  };
  return success(turnedIf(turned !== transposed, delta));
}

/** Reads the parts of a recipe as float64. Fails as reading does. */
export async function readParts(
  parts: ReadonlyMap<string, TensorEntry>,
  read: ReadSpan,
): Promise<Result<PartValues>> {
  const values = new Map<string, { shape: readonly number[]; values: Float64Array }>();
  for (const [part, { span }] of parts) {
    const bytes = await read(span);
    if (!bytes.ok) return bytes;
    const target = new Float64Array(sharedBytes(span.count));
    values.set(part, { shape: span.shape, values: decodeInto(span.dtype, bytes.value, target) });
  }
  return success(values);
}

/**
 * θ of a formed target beside its base tensor: in memory that threads share, as float64. `name` tells it from every other
 * tensor that is formed. Fails as reading does, or with `adapter-delta-not-formed`.
 */
export async function formTensor(
  recipe: FormedRecipe,
  base: TensorEntry,
  transposed: boolean,
  name: string,
  read: ReadSpan,
): Promise<Result<TensorSpan>> {
  const { count, shape } = base.span;
  const parts = await readParts(new Map([...recipe.parts, [BASE, base]]), read);
  if (!parts.ok) return parts;
  const [rows = 1, columns = 1] = shape;
  const stored = parts.value.get(BASE)?.values ?? new Float64Array(count);
  const before = transposed ? transpose(stored, rows, columns) : stored;
  const formed = recipe.form(parts.value, before, transposed ? [columns, rows] : shape);
  if (!formed.ok) return formed;
  const memory = sharedBytes(count);
  new Float64Array(memory).set(transposed ? transpose(formed.value, columns, rows) : formed.value);
  const bytes = count * Float64Array.BYTES_PER_ELEMENT;
  return success({ path: name, offset: 0, bytes, dtype: 'F64', shape, count, memory });
}

const BASE = 'θ₀';

/**
 * The recipe of a target as one that forms θ = θ₀ + scale · ΔW: for a rank so high that factors would cost more than the
 * weight itself, and for what takes θ as it is.
 */
export function asFormed(recipe: SettledRecipe, scale: number): FormedRecipe {
  if (recipe.kind === 'formed') return recipe;
  const parts =
    recipe.kind === 'factored' ? recipe.parts : new Map([['a', recipe.a], ['b', recipe.b]]); // prettier-ignore
  return {
    kind: 'formed',
    parts,
    mismatch: () => null,
    form: (values, base) => {
      const change = productOf(recipe, values);
      return success(base.map((value, at) => value + scale * (change[at] as number)));
    },
  };
}

/** ΔW without scale, in torch's orientation. */
function productOf(recipe: Exclude<SettledRecipe, FormedRecipe>, values: PartValues): Float64Array {
  if (recipe.kind === 'factored' && recipe.product) return recipe.product(values);
  const factors = recipe.kind === 'factored' ? recipe.factors(values) : plainFactors(recipe, values);
  const { rows, columns, rank, a, b } = factors;
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const row = product.subarray(i * columns, (i + 1) * columns);
    for (let k = 0; k < rank; k++) {
      const factor = b[i * rank + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < columns; j++) row[j] = (row[j] as number) + factor * (a[k * columns + j] as number);
    }
  }
  return product;
}

function plainFactors(
  { a, b, turned }: Extract<DeltaRecipe, { kind: 'product' }>,
  values: PartValues,
): LowRankDelta {
  const rank = a.span.shape[0] ?? 0;
  return turnedIf(turned, {
    scale: 1,
    rank,
    a: values.get('a')?.values ?? new Float64Array(0),
    b: values.get('b')?.values ?? new Float64Array(0),
    rows: b.span.count / rank,
    columns: a.span.count / rank,
  });
}

function turnedIf(turned: boolean, delta: LowRankDelta): LowRankDelta {
  if (!turned) return delta;
  const { a, b, rows, columns, rank } = delta;
  return {
    ...delta,
    b: transpose(a, rank, columns),
    a: transpose(b, rows, rank),
    rows: columns,
    columns: rows,
  };
}

/** Memory that threads share: a pass over many targets hands factors on without a copy. */
function sharedBytes(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT);
}

/** rows × columns, row-major, to columns × rows. */
function transpose(values: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return turned;
}

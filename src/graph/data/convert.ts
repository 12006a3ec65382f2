import { bitsOfElement, type ElementType } from '../../format/onnx/element-types';
import { emptyArray, numbersOf, type TensorValue, type ValueArray } from '../tensor-value';

/** A value that does not exist in the type that was asked for. */
export interface InexactValue {
  /** Position among the values, C order. */
  readonly position: number;
  /** In decimal digits. */
  readonly text: string;
}

const WHOLE: ReadonlySet<ElementType> = new Set<ElementType>([
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);
const FLOATS: ReadonlySet<ElementType> = new Set<ElementType>(['float32', 'float64']);
const READ: ReadonlySet<ElementType> = new Set<ElementType>([
  ...WHOLE,
  ...FLOATS,
  'bool',
  'float16',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
]);

/** Whether values of one type may be given as another, as far as the types tell: the values decide the rest. */
export function convertible(from: ElementType, to: ElementType): boolean {
  return from === to || (READ.has(from) && (WHOLE.has(to) || FLOATS.has(to) || to === 'bool'));
}

/**
 * The same values in another type: every value exactly, or with `round` those of floating-point types rounded to the
 * nearest (but never to ±∞). Gives the first value for which that is not possible. Only for {@link convertible} types;
 * nothing is copied where the types are the same.
 */
export function convertValue(
  value: TensorValue,
  to: ElementType,
  round: boolean,
): TensorValue | InexactValue {
  if (value.type === to) return value;
  const { data, shape } = value;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return filled(to, shape, data, (x) => fromWhole(x, to, round));
  }
  return filled(to, shape, numbersOf(value), (x) => fromNumber(x, to, round));
}

function filled<T extends number | bigint>(
  to: ElementType,
  shape: readonly number[],
  source: { readonly length: number; readonly [index: number]: T },
  convert: (value: T) => number | bigint | null,
): TensorValue | InexactValue {
  const data: ValueArray = emptyArray(to, source.length);
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as T;
    const converted = convert(value);
    if (converted === null) return { position: i, text: String(value) };
    if (wide) data[i] = BigInt(converted);
    else data[i] = Number(converted);
  }
  return { type: to, shape, data };
}

function fromWhole(value: bigint, to: ElementType, round: boolean): number | bigint | null {
  if (to === 'bool') return value === 0n || value === 1n ? value : null;
  if (WHOLE.has(to)) return inRange(value, to) ? value : null;
  const number = Number(value);
  return BigInt(number) === value ? fromNumber(number, to, round) : round ? number : null;
}

function fromNumber(value: number, to: ElementType, round: boolean): number | bigint | null {
  if (to === 'float64') return value;
  if (to === 'float32') {
    const rounded = Math.fround(value);
    if (Object.is(rounded, value) || Number.isNaN(value)) return value;
    return round && Number.isFinite(rounded) ? rounded : null;
  }
  if (!Number.isInteger(value)) return null;
  return fromWhole(BigInt(value), to, round);
}

function inRange(value: bigint, type: ElementType): boolean {
  const bits = BigInt(bitsOfElement(type));
  const signed = type.startsWith('int');
  const low = signed ? -(1n << (bits - 1n)) : 0n;
  const high = signed ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
  return value >= low && value <= high;
}

import type { DtypeName } from './dtype';

/** A binary floating point format of at most 16 bits: sign, exponent, mantissa, from the highest bit down. */
interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /**
   * What is not a finite number. `ieee`: the highest exponent means infinity or NaN. `fn`: only all ones is NaN.
   * `fnuz`: only the pattern of minus zero is NaN, and there is no minus zero. `none`: every pattern is finite.
   */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
}

// F16, BF16: IEEE 754-2019 §3.4 and its truncated binary32. F8: OCP 8-bit Floating Point Specification 1.0, table 1.
// FNUZ: Noune et al., "8-bit Numerical Formats for Deep Neural Networks", arXiv:2206.02915.
// F6, F4: OCP Microscaling Formats Specification 1.0, §5.3.2, §5.3.3.
const FORMATS = {
  F16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' },
  BF16: { exponentBits: 8, mantissaBits: 7, bias: 127, special: 'ieee' },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'fn' },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'fnuz' },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'fnuz' },
  F6_E2M3: { exponentBits: 2, mantissaBits: 3, bias: 1, special: 'none' },
  F6_E3M2: { exponentBits: 3, mantissaBits: 2, bias: 3, special: 'none' },
  F4: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
} as const satisfies Partial<Record<DtypeName, SmallFloat>>;

/** The element types whose every bit pattern fits a table. */
export type TabulatedDtype = keyof typeof FORMATS | 'F8_E8M0';

const tables = new Map<TabulatedDtype, Float32Array>();

/**
 * The value of every bit pattern of a small floating point type: 16 to 65,536 entries, built on first use. All of these
 * types are subsets of binary32, so a Float32Array holds them exactly in half the cache.
 */
export function valuesOf(dtype: TabulatedDtype): Float32Array {
  const known = tables.get(dtype);
  if (known !== undefined) return known;
  const table = dtype === 'F8_E8M0' ? scaleValues() : floatValues(FORMATS[dtype]);
  tables.set(dtype, table);
  return table;
}

/** E8M0 is a bare exponent without a sign: 2^(code − 127), and 255 is NaN (OCP Microscaling Formats 1.0, §5.4.1). */
function scaleValues(): Float32Array {
  return Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? Number.NaN : 2 ** (code - 127)));
}

function floatValues(format: SmallFloat): Float32Array {
  const codes = 2 ** (1 + format.exponentBits + format.mantissaBits);
  return Float32Array.from({ length: codes }, (_, code) => floatValue(format, code));
}

function floatValue(format: SmallFloat, code: number): number {
  const { exponentBits, mantissaBits, bias, special } = format;
  const mantissa = code & (2 ** mantissaBits - 1);
  const exponent = (code >> mantissaBits) & (2 ** exponentBits - 1);
  const negative = code >> (exponentBits + mantissaBits) === 1;
  const sign = negative ? -1 : 1;
  const highest = exponent === 2 ** exponentBits - 1;
  if (special === 'ieee' && highest) return mantissa === 0 ? sign * Infinity : Number.NaN;
  if (special === 'fn' && highest && mantissa === 2 ** mantissaBits - 1) return Number.NaN;
  if (special === 'fnuz' && negative && exponent === 0 && mantissa === 0) return Number.NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

import type { Bidiagonal } from './bidiagonal';

const EPSILON = 2 ** -52;
/** Steps per value before giving up; two or three are usual. */
const MOST_STEPS = 60;
/**
 * Steps after which what is below the error of the largest value counts as nothing. Among values far below that, as matrices
 * of low rank have them, the squares in a shift are noise, and steps alone need not come to an end.
 */
const PATIENT_STEPS = 20;

/**
 * Singular values of an upper bidiagonal matrix, descending, by implicit QR steps with shift (Golub, Reinsch 1970; steps
 * and tests as in LINPACK's dsvdc). Error of a few ε of the largest.
 */
export function bidiagonalValues({ diagonal, above }: Bidiagonal): Float64Array {
  const scale = largest(diagonal, above);
  const n = diagonal.length;
  if (scale === 0 || n === 0) return new Float64Array(n);
  // Scaled to 1, squares can neither overflow nor vanish where they matter.
  const s = diagonal.map((value) => value / scale);
  const e = Float64Array.from({ length: n }, (_, i) => (above[i] ?? 0) / scale);
  let steps = 0;
  for (let end = n - 1; end >= 0;) {
    const nothing = steps < PATIENT_STEPS ? EPSILON ** 2 : EPSILON;
    const start = startOfBlock(s, e, end, nothing);
    if (start === end) {
      end--;
      steps = 0;
      continue;
    }
    if (++steps > MOST_STEPS)
      throw new RangeError('the singular values of a bidiagonal matrix do not converge');
    const zero = zeroIn(s, e, start, end, nothing);
    if (zero === end) clearLastColumn(s, e, start, end);
    else if (zero >= start) clearRow(s, e, zero, end);
    else qrStep(s, e, start, end);
  }
  return s.map((value) => Math.abs(value) * scale).sort((x, y) => y - x);
}

function largest(...arrays: readonly Float64Array[]): number {
  let found = 0;
  for (const array of arrays) for (const value of array) found = Math.max(found, Math.abs(value));
  return found;
}

/** First row of the block that ends at `end`; superdiagonal entries that are negligible become 0. */
function startOfBlock(s: Float64Array, e: Float64Array, end: number, nothing: number): number {
  for (let k = end - 1; k >= 0; k--) {
    const around = Math.abs(s[k] as number) + Math.abs(s[k + 1] as number);
    if (Math.abs(e[k] as number) <= EPSILON * around || Math.abs(e[k] as number) < nothing) {
      e[k] = 0;
      return k + 1;
    }
  }
  return 0;
}

/** Last row of the block whose diagonal entry is negligible, −1 where there is none. */
function zeroIn(s: Float64Array, e: Float64Array, start: number, end: number, nothing: number): number {
  for (let k = end; k >= start; k--) {
    const right = k < end ? Math.abs(e[k] as number) : 0;
    const left = k > start ? Math.abs(e[k - 1] as number) : 0;
    if (Math.abs(s[k] as number) <= Math.max(nothing, EPSILON * (left + right))) {
      s[k] = 0;
      return k;
    }
  }
  return -1;
}

/** The last diagonal entry is 0: rotates columns until the superdiagonal entry beside it is 0, too. */
function clearLastColumn(s: Float64Array, e: Float64Array, start: number, end: number): void {
  let f = e[end - 1] as number;
  e[end - 1] = 0;
  for (let k = end - 1; k >= start; k--) {
    const t = Math.sqrt((s[k] as number) ** 2 + f * f);
    const c = t === 0 ? 1 : (s[k] as number) / t;
    const sine = t === 0 ? 0 : f / t;
    s[k] = t;
    if (k > start) {
      f = -sine * (e[k - 1] as number);
      e[k - 1] = c * (e[k - 1] as number);
    }
  }
}

/** Diagonal entry `zero` is 0: rotates rows until the superdiagonal entry right of it is 0, too. */
function clearRow(s: Float64Array, e: Float64Array, zero: number, end: number): void {
  let f = e[zero] as number;
  e[zero] = 0;
  for (let k = zero + 1; k <= end && f !== 0; k++) {
    const t = Math.sqrt((s[k] as number) ** 2 + f * f);
    const c = (s[k] as number) / t;
    const sine = f / t;
    s[k] = t;
    f = -sine * (e[k] as number);
    e[k] = c * (e[k] as number);
  }
}

/** One QR step on rows `start … end`, with the shift of the last two rows. */
function qrStep(s: Float64Array, e: Float64Array, start: number, end: number): void {
  const sp = s[end] as number;
  const spm = s[end - 1] as number;
  const epm = e[end - 1] as number;
  const sk = s[start] as number;
  const b = ((spm + sp) * (spm - sp) + epm * epm) / 2;
  const c = (sp * epm) ** 2;
  let shift = 0;
  if (b !== 0 || c !== 0) {
    const root = Math.sqrt(b * b + c);
    shift = c / (b + (b < 0 ? -root : root));
  }
  let f = (sk + sp) * (sk - sp) + shift;
  let g = sk * (e[start] as number);
  for (let j = start; j < end; j++) {
    let t = Math.sqrt(f * f + g * g);
    let cosine = t === 0 ? 1 : f / t;
    let sine = t === 0 ? 0 : g / t;
    if (j > start) e[j - 1] = t;
    const sj = s[j] as number;
    const ej = e[j] as number;
    const next = s[j + 1] as number;
    f = cosine * sj + sine * ej;
    e[j] = cosine * ej - sine * sj;
    g = sine * next;
    const turnedNext = cosine * next;
    t = Math.sqrt(f * f + g * g);
    cosine = t === 0 ? 1 : f / t;
    sine = t === 0 ? 0 : g / t;
    s[j] = t;
    f = cosine * (e[j] as number) + sine * turnedNext;
    s[j + 1] = cosine * turnedNext - sine * (e[j] as number);
    g = sine * (e[j + 1] as number);
    e[j + 1] = cosine * (e[j + 1] as number);
  }
  e[end - 1] = f;
}

import { isScalar } from 'yaml';

/** A text, or a number as it is written (`8`); `null` for everything else. */
export function textOf(node: unknown): string | null {
  if (!isScalar(node)) return null;
  const { value, source } = node;
  if (typeof value === 'string') return value === '' ? null : value;
  return typeof value === 'number' ? (source ?? String(value)) : null;
}

/** Whether a value is left out, or null. */
export function isEmpty(node: unknown): boolean {
  return node === undefined || node === null || (isScalar(node) && node.value === null);
}

import type { TableCell, TableColumn } from '../protocol/artifact';

/**
 * A number in at most `digits` significant digits, without trailing zeros: `0.123457`, `1.2e-7`, `-3`. Undefined (`null`, NaN)
 * is an en dash, infinities are `∞` and `-∞`.
 */
export function formatNumber(value: number | null, digits = 6): string {
  if (value === null || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 10 ** Math.max(digits, 6)) {
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  }
  const text = value.toPrecision(digits);
  if (text.includes('e')) return String(Number(text));
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A number with all the digits that tell it from its neighbours. */
export function fullNumber(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return formatNumber(value);
  return String(value).replace('e+', 'e');
}

/** A number short enough for a cell of a heatmap: two or three digits. */
export function briefNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1000 || size < 0.001) return value.toExponential(0).replace('e+', 'e');
  if (Number.isInteger(value)) return String(value);
  return (size >= 100 ? value.toFixed(0) : value.toPrecision(2)).replace(/^(-?)0\./, '$1.');
}

/** A whole number with separators: `623,744`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A large count in three digits: `623.7 K`, `1.24 B`; below ten thousand in full. */
export function briefCount(value: number): string {
  if (value < 10_000) return formatCount(value);
  for (const [size, unit] of COUNTS) {
    if (value >= size) return `${(value / size).toFixed(value / size >= 100 ? 1 : 2)} ${unit}`;
  }
  return formatCount(value);
}

const COUNTS = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
] as const;

/** A size in decimal units, as file managers and model hubs give it: `2.49 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${String(bytes)} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${['B', 'kB', 'MB', 'GB', 'TB'][power] ?? 'TB'}`;
}

/** A share as per cent: 0.1234 → `12.34 %`. */
export function formatShare(value: number | null): string {
  return value === null || !Number.isFinite(value)
    ? formatNumber(value)
    : `${formatNumber(value * 100, 4)} %`;
}

/** A shape as written in code: `[768, 768]`; a scalar is `[]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** A duration: `0.8 s`, `2 min 5 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${String(Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${String(Math.floor(seconds / 60))} min ${String(Math.round(seconds % 60))} s`;
}

/** A cell of a table artifact as text, by the type of its column. Undefined is an en dash. */
export function formatCell(cell: TableCell, type: TableColumn['type'], full = false): string {
  if (cell === null) return '–';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  if (typeof cell === 'string') return cell;
  if (typeof cell !== 'number') return listText(cell, full);
  switch (type) {
    case 'integer':
      return Number.isInteger(cell) ? formatCount(cell) : formatNumber(cell);
    case 'bytes':
      return full ? formatCount(cell) : formatBytes(cell);
    case 'share':
      return full ? fullNumber(cell) : formatShare(cell);
    case 'number':
    case 'text':
    case 'boolean':
      return full ? fullNumber(cell) : formatNumber(cell);
  }
}

/** The first numbers of a list, and how many there are. */
function listText(list: readonly number[], full: boolean): string {
  const shown = full ? list.length : 3;
  const first = list.slice(0, shown).map((value) => (full ? fullNumber(value) : formatNumber(value, 4)));
  return list.length > shown ? `${first.join(', ')}, … (${formatCount(list.length)})` : first.join(', ');
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Problem } from '../../protocol/result';
import { formatProblem } from '../problems';

/** What one request may fetch from the Hub before its user is asked. */
interface Allowance {
  /** Bytes. */
  readonly unasked: number;
  spent: number;
  /** Bytes that the request needs at most, where it has said so. */
  most: number;
  readonly models: Set<string>;
}

const current = new AsyncLocalStorage<Allowance | null>();

/**
 * Runs a request that may fetch `unasked` bytes; whatever would go beyond that, in this request or what it waits for, is refused with
 * `hub-ask` before anything of it is fetched. `null`: as much as it takes.
 */
export function withAllowance<T>(unasked: number | null, run: () => Promise<T>): Promise<T> {
  const allowance = unasked === null ? null : { unasked, spent: 0, most: 0, models: new Set<string>() };
  return current.run(allowance, run);
}

/** Says how many bytes of which models (`owner/name`) the request that runs needs at most, for the question. */
export function expectFetching(bytes: number, models: Iterable<string>): void {
  const allowance = current.getStore();
  if (!allowance) return;
  allowance.most = Math.max(allowance.most, bytes);
  for (const model of models) allowance.models.add(model);
}

/** Whether the request that runs may fetch so many bytes more: `null`, or the problem `hub-ask`. Nothing is counted yet. */
export function askFirst(bytes: number, host: string, models: Iterable<string>): Problem | null {
  const allowance = current.getStore();
  const needed = (allowance?.spent ?? 0) + bytes;
  if (!allowance || bytes === 0 || needed <= allowance.unasked) return null;
  for (const model of models) allowance.models.add(model);
  const names = [...allowance.models].sort().join(', ');
  const most = Math.max(needed, allowance.most);
  const size = `${allowance.most > needed ? 'Up to ' : ''}${byteText(most)}`;
  return formatProblem('hub-ask', names, `${size} of ${names} would be fetched from ${host}.`, names);
}

/** Counts bytes as fetched by the request that runs. */
export function countFetched(bytes: number): void {
  const allowance = current.getStore();
  if (allowance) allowance.spent += bytes;
}

/** `812 B`, `1.3 GB`: powers of ten, as the Hub shows sizes. */
export function byteText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? ''}`;
}

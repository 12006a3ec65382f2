import { cancelled, failure, success, type Result } from '../../protocol/result';
import { hasBlocks, isMirrored } from '../../tensor/mirrored';
import type { PassRunner } from '../../tensor/pass';
import type { TensorSpan } from '../../tensor/span';
import { askFirst } from './allowance';
import { fetchRanges, missingBytes, readSource } from './mirror-file';
import { hubSettings } from './settings';

type Ranges = Map<string, [number, number][]>;

/**
 * What plain data (spans, items of a pass, forms of storage on each other) has in copies of remote files: ranges by file. Empty
 * where all lies on this machine.
 */
export function mirroredRanges(data: unknown): Ranges {
  const ranges: Ranges = new Map();
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
    if (value instanceof SharedArrayBuffer) return;
    seen.add(value);
    if (isLeafSpan(value)) {
      if (!isMirrored(value.path) || !hasBlocks(value.path)) return;
      const own = ranges.get(value.path) ?? [];
      own.push([value.offset, value.offset + value.bytes]);
      ranges.set(value.path, own);
      return;
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(data);
  return ranges;
}

/** Where bytes lie in a file as they are. */
function isLeafSpan(value: object): value is TensorSpan {
  return (
    'path' in value && 'offset' in value && 'bytes' in value && 'dtype' in value &&
    !('stored' in value && value.stored !== undefined) && !('memory' in value && value.memory !== undefined)
  ); // prettier-ignore
}

/** Bytes that reading this data would fetch, and of which models of the Hub. */
export async function bytesToFetch(data: unknown): Promise<{ bytes: number; models: readonly string[] }> {
  let bytes = 0;
  const files: string[] = [];
  for (const [file, own] of mirroredRanges(data)) {
    const missing = await missingBytes(file, own);
    bytes += missing;
    if (missing > 0) files.push(file);
  }
  return { bytes, models: await modelsOf(files) };
}

async function modelsOf(files: Iterable<string>): Promise<string[]> {
  const sources = await Promise.all([...files].map(readSource));
  return [...new Set(sources.flatMap((source) => (source ? [source.repository] : [])))];
}

/**
 * Passes that fetch what their items need of remote files before they run; what lies here goes straight on. `tell` hears how many
 * bytes have come, of how many. Fails as fetching does.
 */
export function fetchingPasses(passes: PassRunner, tell: (done: number, total: number) => void): PassRunner {
  return {
    run: async (items, options) => {
      const fetched = await fetchMirrored(mirroredRanges(items), options.signal, tell);
      return fetched.ok ? passes.run(items, options) : fetched;
    },
  };
}

async function fetchMirrored(
  ranges: Ranges,
  signal: AbortSignal,
  tell: (done: number, total: number) => void,
): Promise<Result<null>> {
  if (ranges.size === 0) return success(null);
  let [done, total] = [0, 0];
  for (const [file, own] of ranges) total += await missingBytes(file, own);
  if (total > 0) {
    // All of it before the first part: no half is fetched where the user says no.
    const ask = askFirst(total, new URL(hubSettings().endpoint).host, await modelsOf(ranges.keys()));
    if (ask) return failure(ask);
    tell(0, total);
  }
  for (const [file, own] of ranges) {
    if (signal.aborted) return cancelled();
    const onBytes = (bytes: number) => tell((done += bytes), total);
    const fetched = await fetchRanges(file, own, { signal, onBytes });
    if (!fetched.ok) return fetched;
  }
  return success(null);
}

import type { TensorEntry } from '../format/checkpoint';
import type { SafetensorsIndex, Shard } from '../format/safetensors-index';
import type { IndexDocument } from './index-document';
import { pausing } from './pausing';

/** An index and its shards, reduced to the names in which they differ. */
export interface OddNames {
  readonly index: SafetensorsIndex;
  readonly shards: ReadonlyMap<string, Shard>;
}

/**
 * Leaves out what index and shards agree on: names that exactly one shard has, the one that the index says. Of half a million
 * names that is usually all, and what remains can be looked at without haste. Lets other work run meanwhile; `null`
 * when aborted. `totalSize` is left out too.
 */
export async function compareNames(
  document: IndexDocument,
  names: readonly string[],
  shards: ReadonlyMap<string, Shard>,
  signal: AbortSignal,
): Promise<OddNames | null> {
  const { entries, byTensor } = document;
  const pause = pausing(signal);
  const agreed = new Uint8Array(entries.length);
  const odd = new Set<string>();
  let count = 0;
  for (const [shard, content] of shards) {
    for (const { name } of content.state === 'read' ? content.tensors : []) {
      const at = byTensor.get(name) ?? -1;
      if (entries[at]?.shard === shard) agreed[at] = 1;
      else odd.add(name);
      if ((++count & 255) === 0 && (await pause())) return null;
    }
  }
  const weightMap = new Map<string, string>();
  for (const [at, { tensor, shard }] of entries.entries()) {
    const counts = byTensor.get(tensor) === at && shard !== null;
    if (counts && (agreed[at] === 0 || odd.has(tensor))) weightMap.set(tensor, shard);
    if ((++count & 255) === 0 && (await pause())) return null;
  }
  return { index: { weightMap, shards: names, totalSize: null }, shards: reduced(shards, odd) };
}

function reduced(shards: ReadonlyMap<string, Shard>, odd: ReadonlySet<string>): ReadonlyMap<string, Shard> {
  const keep = ({ name }: TensorEntry) => odd.has(name);
  return new Map(
    [...shards].map(([name, shard]) => [
      name,
      shard.state === 'read'
        ? { state: 'read', tensors: odd.size === 0 ? [] : shard.tensors.filter(keep) }
        : shard,
    ]),
  );
}

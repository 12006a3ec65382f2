import { isDistributedFolder, isOtherContainerName } from '../../protocol/checkpoint-names';

/**
 * Which files of a folder stand for what it holds, best first: an index before a whole model before an adapter, or the
 * adapter before all where `adapterFirst`. Shards count only where their index is missing.
 */
export function mainFiles(names: readonly string[], adapterFirst = false): string[] {
  const shard = /-\d{5}-of-\d{5}\.safetensors$/;
  const rank = (name: string): number => {
    if (name === 'adapter_model.safetensors') return adapterFirst ? 0 : 4;
    if (name.endsWith('.safetensors.index.json')) return 1;
    return name === 'model.safetensors' ? 2 : 3;
  };
  const whole = names.filter(
    (name) =>
      name.endsWith('.safetensors.index.json') || (name.endsWith('.safetensors') && !shard.test(name)),
  );
  if (whole.length > 0) return whole.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const shards = names.filter((name) => shard.test(name)).sort();
  if (shards.length > 0) return shards.slice(0, 1);
  const indexes = names.filter((name) => name.endsWith('.bin.index.json')).sort();
  if (indexes.length > 0) return indexes;
  const others = names.filter(isOtherContainerName).sort();
  if (others.length > 0 || !isDistributedFolder(names)) return others;
  // Any of the files opens them all.
  return names
    .filter((name) => name.endsWith('.distcp'))
    .sort()
    .slice(0, 1);
}

import { posix } from 'node:path';

/** What is read beside weights: what they are, and how they are packed. None is large. */
export const CONFIGURATIONS: readonly string[] = [
  'config.json',
  'params.json',
  'adapter_config.json',
  'quantize_config.json',
  'quant_config.json',
  'hf_quant_config.json',
];
const INDEX = /\.(?:safetensors|bin)\.index\.json$/;
/** `model-00001-of-00003.safetensors`: the index says which model it is a part of. */
const SHARD = /-\d{5}-of-\d{5}\.(safetensors|bin)$/;
/** `model-00001-of-00003.gguf`: any part opens them all. */
const SPLIT = /^(.*)-\d{5}-of-(\d{5})\.gguf$/i;
const TENSORFLOW_INDEX = '.index';
/** More shards than any model has; an index that names more is damaged. */
const MOST_NAMED = 10_000;

/** Of a file and the names in its folder: the names of what has to be copied with it, as far as names tell. */
export function besideByName(file: string, names: readonly string[]): string[] {
  const isBeside = partsOf(file);
  return names.filter(
    (name) =>
      name !== file && isPlain(name) && (CONFIGURATIONS.includes(name) || (isBeside?.(name) ?? false)),
  );
}

function partsOf(file: string): ((name: string) => boolean) | null {
  const [, ending] = SHARD.exec(file) ?? [];
  if (ending !== undefined) return (name) => name.endsWith(`.${ending}.index.json`);
  const [, stem, count] = SPLIT.exec(file) ?? [];
  if (stem !== undefined) {
    return (name) => {
      const [, otherStem, otherCount] = SPLIT.exec(name) ?? [];
      return otherStem === stem && otherCount === count;
    };
  }
  if (file.endsWith('.distcp')) return (name) => name === '.metadata' || name.endsWith('.distcp');
  if (!file.endsWith(TENSORFLOW_INDEX)) return null;
  const data = `${file.slice(0, -TENSORFLOW_INDEX.length)}.data-`;
  return (name) => name.startsWith(data);
}

/** Whether the content of a file may name others: an index its shards, a graph its external data. */
export function namesOthers(file: string): boolean {
  return INDEX.test(file) || file.endsWith('.onnx');
}

/**
 * What the content of a file names beside it, as relative paths inside its folder: the shards of an index, the external data of a
 * graph. Nothing that leads out of the folder, and nothing at all of a text that is no index.
 */
export function namedInside(file: string, content: Uint8Array, names: readonly string[]): string[] {
  return INDEX.test(file) ? shardsOf(content) : externalDataOf(content, names).filter(isPlain);
}

function shardsOf(content: Uint8Array): string[] {
  let index: unknown;
  try {
    index = JSON.parse(new TextDecoder().decode(content));
  } catch {
    return []; // The server says what is wrong with it.
  }
  const map = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : null;
  const shards = typeof map === 'object' && map !== null ? Object.values(map) : [];
  const names = new Set(shards.filter((shard) => typeof shard === 'string').filter(isInside));
  return [...names].sort().slice(0, MOST_NAMED);
}

/**
 * Of the names in the folder, those that a graph has as the value of an entry: field 2 of a StringStringEntryProto (onnx.proto),
 * its length before it. One that is only another string of the graph is copied for nothing.
 */
function externalDataOf(content: Uint8Array, names: readonly string[]): string[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return names.filter((name) => {
    const text = Buffer.from(name);
    const length = text.length < 128 ? [text.length] : [(text.length & 127) | 128, text.length >> 7];
    return bytes.includes(Buffer.concat([Buffer.from([0x12, ...length]), text]));
  });
}

/** Whether a relative path stays in the folder that it starts from, on every system. */
function isInside(name: string): boolean {
  if (name === '' || name.includes('\\') || name.includes(':') || name.includes('\0')) return false;
  return !posix.isAbsolute(name) && !name.split('/').includes('..');
}

/** Whether a listed name is the name of something in the folder itself. */
function isPlain(name: string): boolean {
  return isInside(name) && !name.includes('/') && name !== '.';
}

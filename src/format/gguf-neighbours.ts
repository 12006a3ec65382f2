import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Result } from '../protocol/result';
import { readGgufFile } from './gguf-file';
import type { GgufValue } from './gguf-values';
import { withFile } from './read';

/** No configuration of a model is as large. */
const LARGEST = 2 ** 22;
/** So many files of a folder are looked into. */
const MOST_FILES = 16;
const HEADS = ['attention.head_count', 'attention.head_count_kv'] as const;
const CONFIG_HEADS = ['num_attention_heads', 'num_key_value_heads'] as const;

/**
 * Numbers of heads of the base, for an adapter: its file has none, and rows of its factors B stand in the order of heads. They
 * are those that the `config.json` in the same folder has, or the models of the same architecture there, where all agree.
 * By their keys in the metadata; empty where they are not needed or not found.
 */
export async function headsBeside(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
): Promise<ReadonlyMap<string, number>> {
  const architecture = metadata.get('general.architecture');
  const isAdapter = metadata.get('general.type') === 'adapter' || metadata.has('adapter.type');
  if (typeof architecture !== 'string' || !isAdapter) return new Map();
  if (metadata.has(`${architecture}.${HEADS[0]}`)) return new Map();
  const folder = paths.dirname(path);
  const heads = (await headsOfConfig(folder)) ?? (await headsOfModels(folder, path, architecture));
  return new Map(heads?.map((count, index) => [`${architecture}.${HEADS[index === 0 ? 0 : 1]}`, count]));
}

async function headsOfConfig(folder: string): Promise<readonly [number, number] | null> {
  const text = await withFile(paths.join(folder, 'config.json'), (file): Promise<Result<Uint8Array>> =>
    file.read(0, Math.min(file.bytes, LARGEST)),
  );
  const config = text.ok ? fieldsIn(text.value) : {};
  const [queries, keys] = CONFIG_HEADS.map((key) => config[key]);
  if (typeof queries !== 'number') return null;
  return [queries, typeof keys === 'number' ? keys : queries];
}

function fieldsIn(text: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const whole: unknown = JSON.parse(Buffer.from(text).toString());
    return typeof whole === 'object' && whole !== null ? (whole as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function headsOfModels(
  folder: string,
  own: string,
  architecture: string,
): Promise<readonly [number, number] | null> {
  const names = await fs.readdir(folder).catch((): string[] => []);
  const others = names.filter((name) => /\.gguf$/i.test(name) && name !== paths.basename(own)).sort();
  let found: readonly [number, number] | null = null;
  for (const name of others.slice(0, MOST_FILES)) {
    const file = await readGgufFile(paths.join(folder, name));
    if (!file.ok || file.value.metadata.get('general.architecture') !== architecture) continue;
    const [queries, keys] = HEADS.map((key) => file.value.metadata.get(`${architecture}.${key}`));
    if (typeof queries !== 'number') continue;
    const heads: readonly [number, number] = [queries, typeof keys === 'number' ? keys : queries];
    if (found !== null && found.join() !== heads.join()) return null;
    found = heads;
  }
  return found;
}

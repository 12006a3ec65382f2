import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { readSpan } from '../format/read';
import { failure, problemFromError, success, type Result } from '../protocol/result';
import { decode } from '../tensor/decode';
import { readAdapterConfig, type AdapterConfig } from './adapter-config';
import { describeAdapter, type AdapterDescription } from './describe-adapter';
import { refuse } from './finding-codes';
import type { ReadSpan } from './load-delta';

const CONFIG_NAME = 'adapter_config.json';
const LARGEST_CONFIG = 2 * 1024 * 1024;

/** Tensors of one element whose values belong to the description. */
const SCALAR = /\.(?:alpha|scalar|on_input)$/;
/** An adapter has a few of them for each module; a file with more is none. */
const MOST_SCALARS = 20_000;
/** Files open at a time while these are read. */
const AT_ONCE = 64;

/**
 * Describes an opened checkpoint as the adapter that it is; `null` where it is none, even with an adapter beside it. Of the
 * tensors only those of one element are read. Fails as {@link readAdapterConfig} does, as reading does, or with the operating
 * system's answer.
 */
export async function openAdapter(
  checkpoint: Checkpoint,
  read: ReadSpan = readSpan,
): Promise<Result<AdapterDescription | null>> {
  const weights = checkpoint.files[0]?.path ?? checkpoint.path;
  const alone = { config: null, fields: new Map(), metadata: checkpoint.metadata, scalars: new Map() };
  const bare = describeAdapter(alone, checkpoint.tensors, weights);
  if (!bare && !/^adapter/i.test(basename(weights))) return success(null);
  const path = join(dirname(weights), CONFIG_NAME);
  const text = await readSmallText(path);
  if (!text.ok && text.problem.code !== 'file-missing') return text;
  const settings = text.ok ? readSettings(text.value, path) : success({ config: null, fields: new Map() });
  if (!settings.ok) return settings;
  const scalars = await readScalars(checkpoint.tensors, read);
  if (!scalars.ok) return scalars;
  const whole = { ...alone, ...settings.value, scalars: scalars.value };
  return success(describeAdapter(whole, checkpoint.tensors, weights));
}

interface ReadSettings {
  readonly config: AdapterConfig | null;
  readonly fields: ReadonlyMap<string, unknown>;
}

/** PEFT's configuration, or the fields of one that mlx-lm or AdapterHub wrote. */
function readSettings(text: string, path: string): Result<ReadSettings> {
  const config = readAdapterConfig(text, path);
  if (!config.ok && config.problem.code !== 'peft-type-missing') return config;
  const fields = new Map(Object.entries(JSON.parse(text.replace(/^\uFEFF/, '')) as Record<string, unknown>));
  if (config.ok) return success({ config: config.value, fields });
  const isForeign = ['fine_tune_type', 'lora_parameters', 'lora_layers', 'model_class'].some((key) =>
    fields.has(key),
  );
  return isForeign ? success({ config: null, fields }) : config;
}

async function readScalars(
  tensors: readonly TensorEntry[],
  read: ReadSpan,
): Promise<Result<ReadonlyMap<TensorEntry, number>>> {
  const values = new Map<TensorEntry, number>();
  const wanted = tensors
    .filter(({ name, span }) => span.count === 1 && SCALAR.test(name))
    .slice(0, MOST_SCALARS);
  for (let first = 0; first < wanted.length; first += AT_ONCE) {
    const batch = wanted.slice(first, first + AT_ONCE);
    const all = await Promise.all(batch.map(({ span }) => read(span)));
    for (const [index, { span }] of batch.entries()) {
      const bytes = all[index];
      const entry = batch[index];
      if (!bytes || !entry) continue;
      if (!bytes.ok) return bytes;
      const [value] = decode(span.dtype, bytes.value, 1);
      if (value !== undefined && Number.isFinite(value)) values.set(entry, value);
    }
  }
  return success(values);
}

/** Reads a configuration; fails with `json-syntax` where it is far too large to be one, else as the operating system says. */
async function readSmallText(path: string): Promise<Result<string>> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > LARGEST_CONFIG)
        return refuse('json-syntax', path, `${path} is larger than 2 MB, so it is no configuration.`);
      return success(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    return failure(problemFromError(error, path));
  }
}

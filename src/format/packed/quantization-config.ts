import * as paths from 'node:path';
import type { Checkpoint } from '../checkpoint';
import { withFile } from '../read';
import { refuse } from '../problems';
import type { Result } from '../../protocol/result';

/** What a configuration beside a checkpoint says of how its weights are quantised. */
export interface QuantizationConfig {
  /** `gptq`, `awq`, `fp8`, `compressed-tensors`, `bitsandbytes`, ...; `null` where nothing says so. */
  readonly method: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The text it came from, so that results can depend on it; empty where there is none. */
  readonly text: string;
}

/** Files that say how weights are quantised: transformers, AutoGPTQ, AutoAWQ, modelopt. */
export const QUANTIZATION_FILES = [
  'config.json',
  'quantize_config.json',
  'quant_config.json',
  'hf_quant_config.json',
];

/** No configuration is as large. */
const LARGEST = 16 * 2 ** 20;

const NOTHING: QuantizationConfig = { method: null, fields: {}, text: '' };

/**
 * Reads `quantization_config` of the `config.json` beside a checkpoint, or the file that older libraries wrote in its place.
 * What is missing or cannot be read says nothing: names and shapes tell most.
 */
export async function readQuantizationConfig({ files, path }: Checkpoint): Promise<QuantizationConfig> {
  const folder = paths.dirname(files[0]?.path ?? path);
  for (const name of QUANTIZATION_FILES) {
    const text = await readText(paths.join(folder, name));
    const found = text.ok ? quantizationIn(text.value, name) : null;
    if (found) return found;
  }
  return NOTHING;
}

/** The text of a `config.json` without what it says of quantisation; `null` where it says nothing, or cannot be read. */
export async function withoutQuantization(path: string): Promise<string | null> {
  const text = await readText(path);
  if (!text.ok) return null;
  try {
    const config = fieldsOf(JSON.parse(text.value));
    if (!config || !nestedConfig(config)) return null;
    const inner = fieldsOf(config['text_config']);
    for (const fields of [config, ...(inner ? [inner] : [])]) {
      delete fields['quantization_config'];
      delete fields['compression_config'];
      delete fields['quantization'];
    }
    return `${JSON.stringify(config, null, 2)}\n`;
  } catch {
    return null;
  }
}

function readText(path: string): Promise<Result<string>> {
  return withFile(path, async (file): Promise<Result<string>> => {
    if (file.bytes > LARGEST) return refuse('index-too-large', path, `${path} is too large.`);
    const bytes = await file.read(0, file.bytes);
    return bytes.ok ? { ok: true, value: Buffer.from(bytes.value).toString() } : bytes;
  });
}

function quantizationIn(text: string, name: string): QuantizationConfig | null {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    return null;
  }
  const own = fieldsOf(whole);
  const fields = name === 'config.json' ? nestedConfig(own) : own;
  if (!fields) return null;
  const method = fields['quant_method'] ?? fields['quant_algo'];
  return {
    method: typeof method === 'string' ? method.toLowerCase() : null,
    fields,
    text: JSON.stringify(fields),
  };
}

/** Models of text and images keep it with the part for text; MLX calls it otherwise. */
function nestedConfig(config: Readonly<Record<string, unknown>> | null): Record<string, unknown> | null {
  if (!config) return null;
  return (
    fieldsOf(config['quantization_config']) ??
    fieldsOf(config['compression_config']) ??
    fieldsOf(fieldsOf(config['text_config'])?.['quantization_config']) ??
    fieldsOf(config['quantization'])
  );
}

function fieldsOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** A whole number above 0, or `null`. */
export function countIn({ fields }: QuantizationConfig, key: string): number | null {
  const value = fields[key];
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}

/** The same of a module that the configuration names by itself, or `null` (MLX). */
export function moduleCountIn({ fields }: QuantizationConfig, module: string, key: string): number | null {
  const own = fieldsOf(fields[module]);
  return own && countIn({ method: null, fields: own, text: '' }, key);
}

/** `weight_block_size` of FP8 as [rows, columns], or `null`. */
export function blockSizeIn({ fields }: QuantizationConfig): readonly [number, number] | null {
  const size: unknown = fields['weight_block_size'];
  if (!Array.isArray(size) || size.length !== 2) return null;
  const [rows, columns] = size as unknown[];
  const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
  return isCount(rows) && isCount(columns) ? [rows, columns] : null;
}

/** Bits of the first group of compressed-tensors that says so, or `null`. */
export function groupBitsIn({ fields }: QuantizationConfig): number | null {
  for (const group of Object.values(fieldsOf(fields['config_groups']) ?? {})) {
    const bits = fieldsOf(fieldsOf(group)?.['weights'])?.['num_bits'];
    if (typeof bits === 'number') return bits;
  }
  return null;
}

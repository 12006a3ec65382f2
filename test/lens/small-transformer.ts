// Small checkpoints with Llama's names and a config.json, and what is in them.
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { HeadWeights } from '../../src/lens/head-weights';
import { writeSafetensors, type Written } from '../model/write-safetensors';
import { seeded } from '../tensor/oracle';
import { denseFrom, normalRows, turned, type Rows } from './slow-heads';

export interface Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly hidden: number;
}

/** One layer as plain rows; `output` as stored, hidden × heads·headSize. */
export interface Layer {
  query: Rows;
  key: Rows;
  value: Rows;
  output: Rows;
  gain: number[];
}

/** Layers of random weights, as float32 holds them. */
export function randomLayers(sizes: Sizes, seed: number): Layer[] {
  const random = seeded(seed);
  const rows = (height: number, width: number) =>
    normalRows(height, width, random).map((row) => row.map(Math.fround));
  const { layers, heads, keyValueHeads, headSize, hidden } = sizes;
  return Array.from({ length: layers }, () => ({
    query: rows(heads * headSize, hidden),
    key: rows(keyValueHeads * headSize, hidden),
    value: rows(keyValueHeads * headSize, hidden),
    output: rows(hidden, heads * headSize),
    gain: (rows(1, hidden)[0] ?? []).map((value) => Math.fround(1 + value / 4)),
  }));
}

/** Writes a checkpoint; without its config.json where `config` is null. Returns the folder. */
export function writeTransformer(
  folder: string,
  sizes: Sizes,
  layers: readonly Layer[],
  config: Readonly<Record<string, unknown>> | null = {},
): string {
  const tensors: Record<string, Written> = {};
  const matrix = (rows: Rows): Written => ({
    shape: [rows.length, rows[0]?.length ?? 0],
    values: rows.flat(),
  });
  layers.forEach(({ query, key, value, output, gain }, layer) => {
    const at = `model.layers.${String(layer)}`;
    tensors[`${at}.self_attn.q_proj.weight`] = matrix(query);
    tensors[`${at}.self_attn.k_proj.weight`] = matrix(key);
    tensors[`${at}.self_attn.v_proj.weight`] = matrix(value);
    tensors[`${at}.self_attn.o_proj.weight`] = matrix(output);
    tensors[`${at}.input_layernorm.weight`] = { shape: [gain.length], values: gain };
  });
  writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  if (config) {
    const { heads, keyValueHeads, headSize, hidden } = sizes;
    const fields = {
      model_type: 'llama',
      rope_theta: 10000,
      hidden_size: hidden,
      num_hidden_layers: layers.length,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      head_dim: headSize,
      ...config,
    };
    fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(fields));
  }
  return folder;
}

/** A layer as a lens reads it, gains folded into it by `fold`. */
export function weightsOf(
  sizes: Sizes,
  { query, key, value, output, gain }: Layer,
  fold: boolean,
): HeadWeights {
  const folded = (rows: Rows) =>
    fold ? rows.map((row) => row.map((each, j) => each * (gain[j] ?? NaN))) : rows;
  return {
    heads: sizes.heads,
    keyValueHeads: sizes.keyValueHeads,
    headSize: sizes.headSize,
    valueSize: sizes.headSize,
    query: denseFrom(folded(query)),
    key: denseFrom(folded(key)),
    value: denseFrom(folded(value)),
    output: denseFrom(turned(output)),
  };
}

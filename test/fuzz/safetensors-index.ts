import { Buffer } from 'node:buffer';
import { vectors } from '../format/files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

const NAME = 'model.safetensors.index.json';
const SHARDS = { 'one.safetensors': vectors(['a', 'b']), 'two.safetensors': vectors(['c']) };

/** The index of a sharded model, beside two shards. */
export const safetensorsIndex: FuzzTarget = {
  name: 'safetensors-index',
  modules: /format\/(?:json-\w+|safetensors-index|safetensors-sharded|folder)\.ts$/,
  seeds: () =>
    [
      '{"metadata":{"total_size":24},"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors"}}',
      '{"weight_map":{"a":"../one.safetensors","c":"./two.safetensors"}}',
    ].map((text) => Buffer.from(text)),
  run: (bytes) => openFiles(NAME, { ...SHARDS, [NAME]: bytes }),
  // Both headers are read besides.
  bounds: { workConstant: 60_000, bytesConstant: 2 ** 18 },
};

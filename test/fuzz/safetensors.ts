import { Buffer } from 'node:buffer';
import { safetensorsFile, vectors } from '../format/files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** A whole safetensors file. */
export const safetensors: FuzzTarget = {
  name: 'safetensors',
  modules: /format\/(?:json-\w+|safetensors|safetensors-header|registry|read)\.ts$/,
  seeds: () => [
    vectors(['a', 'b']),
    safetensorsFile({ x: { dtype: 'I8', shape: [1, 3], data_offsets: [0, 3] } }, 5),
    safetensorsFile(Buffer.from('{"__metadata__":{"k":"v"}}   '), 0),
  ],
  run: (bytes) => openFiles('a.safetensors', { 'a.safetensors': bytes }),
};

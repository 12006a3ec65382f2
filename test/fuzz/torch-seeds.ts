// What seeds of the pickle targets hold: dictionaries of tensors, views, nested and foreign objects.
import { Buffer } from 'node:buffer';
import { global, type Plain, type TorchTensor } from '../format/torch-files';

function tensor(key: string, more: Partial<TorchTensor> = {}): TorchTensor {
  return { key, storage: 'FloatStorage', elements: 6, shape: [2, 3], stride: [3, 1], ...more };
}

export const PICKLED: readonly Plain[] = [
  {
    dict: [
      ['w', tensor('0')],
      ['b', tensor('1', { storage: 'HalfStorage', shape: [3], stride: [1] })],
    ],
  },
  {
    dict: [
      ['state_dict', { dict: [['t', tensor('0', { shape: [3, 2], stride: [1, 3] })]] }],
      ['epoch', 3],
    ],
  },
  {
    dict: [
      ['w', tensor('0', { offset: 2, shape: [2, 2], stride: [0, 1] })],
      ['o', { raw: Buffer.concat([global('os', 'system'), Buffer.from(')R')]) }],
    ],
  },
  {
    raw: Buffer.concat([
      global('collections', 'OrderedDict'),
      Buffer.from(')R}(X\x01\0\0\0aK\x01ub', 'latin1'),
    ]),
  },
];

/** Bytes of the storages, by key. */
export const STORAGES: Readonly<Record<string, Buffer>> = { 0: Buffer.alloc(24, 1), 1: Buffer.alloc(12, 2) };

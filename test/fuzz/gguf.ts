import { ggufFile, numbers } from '../format/gguf-files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** GGUF of every version and byte order. */
export const gguf: FuzzTarget = {
  name: 'gguf',
  modules: /format\/gguf[\w-]*\.ts$/,
  seeds: () => {
    const metadata = [
      ['general.architecture', ['string', 'llama']],
      ['general.alignment', ['u32', 32]],
      ['llama.block_count', ['u32', 1]],
      [
        'x',
        [
          'array',
          'string',
          [
            ['string', 'a'],
            ['string', 'bc'],
          ],
        ],
      ],
      ['y', ['array', 'i64', [['i64', -1n]]]],
    ] as const;
    const tensors = [numbers('token_embd.weight', [4, 2]), numbers('blk.0.attn_q.weight', [4, 4])];
    const packed = { name: 'blk.0.ffn_up.weight', dimensions: [32, 1], type: 8, data: Buffer.alloc(34, 3) };
    const split = [
      ['split.no', ['u16', 0]],
      ['split.count', ['u16', 2]],
      ['split.tensors.count', ['i32', 4]],
    ] as const;
    return [
      ggufFile(metadata, [...tensors, packed]),
      ggufFile(metadata.slice(0, 3), tensors, { version: 2 }),
      ggufFile(metadata.slice(0, 1), [numbers('a', [3])], { version: 1, alignment: 8 }),
      ggufFile(metadata, [numbers('output.weight', [4, 2])], { bigEndian: true }),
      ggufFile([...metadata.slice(0, 1), ...split], tensors),
    ];
  },
  run: (bytes) =>
    openFiles('a-00001-of-00002.gguf', { 'a-00001-of-00002.gguf': bytes, 'a-00002-of-00002.gguf': bytes }),
};

import { Buffer } from 'node:buffer';
import { zipFile } from '../graph/data/files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

const CONFIG = JSON.stringify({
  config: {
    w: {
      path_name: 'weight_0',
      use_pickle: false,
      tensor_meta: {
        dtype: 7,
        sizes: [{ as_int: 2 }, { as_int: 2 }],
        strides: [{ as_int: 1 }, { as_int: 2 }],
        storage_offset: { as_int: 1 },
        layout: 7,
      },
    },
    b: { path_name: 'weight_1', use_pickle: true },
  },
});

/** Programs of torch.export.save. */
export const torchExported: FuzzTarget = {
  name: 'torch-exported',
  modules: /format\/(?:torch-exported|torch-storage)\.ts$/,
  seeds: () => [
    zipFile([
      { name: 'p/data/weights/weight_0', content: Buffer.alloc(24, 1) },
      { name: 'p/data/weights/model_weights_config.json', content: Buffer.from(CONFIG) },
      { name: 'p/data/constants/model_constants_config.json', content: Buffer.from('{"config": {}}') },
    ]),
  ],
  run: (bytes) => openFiles('a.pt2', { 'a.pt2': bytes }),
};

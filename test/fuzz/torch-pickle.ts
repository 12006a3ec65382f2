import { pickle, torchZipFile } from '../format/torch-files';
import { zipFile } from '../graph/data/files';
import { openFiles } from './expectations';
import { PICKLED, STORAGES } from './torch-seeds';
import type { FuzzTarget } from './target';

/** The pickle of a file of torch, in an archive that is always whole. */
export const torchPickle: FuzzTarget = {
  name: 'torch-pickle',
  modules: /format\/(?:pickle|pickle-\w+|pickled|state-dict|torch-zip|torch-storage|torch-checkpoint)\.ts$/,
  seeds: () => PICKLED.map(pickle),
  run: (bytes) =>
    openFiles('a.pt', {
      'a.pt': zipFile([
        { name: 'a/data.pkl', content: Buffer.from(bytes) },
        ...Object.entries(STORAGES).map(([key, content]) => ({ name: `a/data/${key}`, content })),
      ]),
    }),
};

/** The archive of a file of torch. */
export const torchZip: FuzzTarget = {
  name: 'torch-zip',
  modules: /format\/(?:zip-directory|torch-\w+|pickle-file|registry|foreign)\.ts$/,
  seeds: () => [
    ...PICKLED.map((content) => torchZipFile(content, STORAGES)),
    zipFile([{ name: 'a/data.pkl', content: pickle({ dict: [] }), wide: true }], { wideEnd: true }),
    zipFile([{ name: 'a/data.pkl', content: pickle({ dict: [] }), method: 8 }], { comment: 'c' }),
  ],
  run: (bytes) => openFiles('a.pt', { 'a.pt': bytes }),
};

/** Archives of others, and archives in them: looked through for pickles that would run code. */
export const zipOfPickles: FuzzTarget = {
  name: 'zip-of-pickles',
  modules: /format\/(?:zip-\w+|zip-of-pickles|pickle-\w+)\.ts$/,
  seeds: () => {
    const hostile = Buffer.from('cos\nsystem\n(S"id"\ntR.', 'latin1');
    const inner = zipFile([{ name: 'x.pkl', content: hostile }]);
    return [
      zipFile([{ name: 'readme.txt', content: hostile }]),
      zipFile([{ name: 'a.zip', content: inner, method: 8 }]),
    ];
  },
  run: (bytes) => openFiles('a.zip', { 'a.zip': bytes }),
};

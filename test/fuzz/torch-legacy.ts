import { torchLegacyFile } from '../format/torch-files';
import { openFiles } from './expectations';
import { PICKLED, STORAGES } from './torch-seeds';
import type { FuzzTarget } from './target';

const HALVES = { 0: 6, 1: 6 };

/** What torch wrote before 1.6. */
export const torchLegacy: FuzzTarget = {
  name: 'torch-legacy',
  modules: /format\/(?:torch-legacy|torch-storage|torch-checkpoint|pickle|pickle-\w+|state-dict)\.ts$/,
  seeds: () =>
    PICKLED.slice(0, 3).map((content, i) =>
      torchLegacyFile(
        content,
        Object.entries(HALVES)
          .slice(0, i === 0 ? 2 : 1)
          .map(([key, elements]) => ({ key, elements, bytes: STORAGES[key] ?? Buffer.alloc(0) })),
      ),
    ),
  run: (bytes) => openFiles('a.pt', { 'a.pt': bytes }),
};

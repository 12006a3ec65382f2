import { distributedFiles, ROWS, WHOLE } from '../format/torch-distributed-files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

const FILES = distributedFiles({ whole: WHOLE, rows: ROWS });
const PARTS = Object.fromEntries([...FILES].filter(([name]) => name !== '.metadata'));

/** What `.metadata` of a folder of torch.distributed.checkpoint says of files that are whole. */
export const torchDistributed: FuzzTarget = {
  name: 'torch-distributed',
  modules: /format\/torch-distributed(?:-metadata)?\.ts$/,
  seeds: () => [FILES, distributedFiles({ whole: WHOLE })].flatMap((files) => files.get('.metadata') ?? []),
  run: (bytes) => openFiles('.metadata', { ...PARTS, '.metadata': bytes }),
  // Parts are archives of their own, and are read besides.
  bounds: { workConstant: 60_000, bytesConstant: 2 ** 19 },
};

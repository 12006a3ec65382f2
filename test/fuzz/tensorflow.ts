import { tensorflowIndex } from '../format/tensorflow-files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** A TensorFlow checkpoint, its values beside it. */
export const tensorflow: FuzzTarget = {
  name: 'tensorflow',
  modules: /format\/(?:tensorflow|tensorflow-bundle|sorted-table|snappy)\.ts$/,
  seeds: () => [tensorflowIndex()],
  run: (bytes) => openFiles('v.index', { 'v.index': bytes, 'v.data-00000-of-00001': new Uint8Array(16) }),
};

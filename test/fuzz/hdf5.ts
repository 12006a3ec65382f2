import * as fs from 'node:fs';
import { Buffer } from 'node:buffer';
import { zipFile } from '../graph/data/files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** Only the starts of real files are small enough to be mutated well; what lies behind them is then missing. */
const SAMPLES = [
  'test/format/data/layers.weights.h5',
  'test/format/data/latest.h5',
  ...['single', 'implicit', 'fixed', 'extensible-packed', 'tree-2-packed'].map(
    (name) => `test/fixtures/containers/files/hdf5/${name}.h5`,
  ),
];

function samples(): readonly Buffer[] {
  return SAMPLES.filter((path) => fs.existsSync(path)).map((path) => fs.readFileSync(path));
}

/** HDF5 as Keras and h5py write it. */
export const hdf5: FuzzTarget = {
  name: 'hdf5',
  modules: /format\/(?:keras|hdf5|hdf5\/[\w-]+)\.ts$/,
  seeds: samples,
  longest: 48 * 1024,
  run: (bytes) => openFiles('a.h5', { 'a.h5': bytes }),
};

/** An archive of Keras, whose weights are HDF5. */
export const keras: FuzzTarget = {
  name: 'keras',
  modules: /format\/(?:keras|hdf5|hdf5\/[\w-]+|zip-[\w-]+)\.ts$/,
  seeds: () =>
    samples()
      .slice(0, 1)
      .map((content) =>
        zipFile([
          { name: 'config.json', content: Buffer.from('{}') },
          { name: 'model.weights.h5', content },
        ]),
      ),
  longest: 48 * 1024,
  run: (bytes) => openFiles('a.keras', { 'a.keras': bytes }),
};

import assert from 'node:assert/strict';
import { npyDataStart, NPY_PREFIX, readNpyHeader } from '../../src/format/npy-header';
import { npy as npyFormat } from '../../src/graph/data/npy';
import { npz as npzFormat } from '../../src/graph/data/npz';
import { npyFile, npyHead, zipFile } from '../graph/data/files';
import { FOLDER, setFiles } from './engine/memory-files';
import { expectProblem, expectResult, openFiles } from './expectations';
import type { FuzzTarget } from './target';

const ONES = () => 1;

/** The header of a NumPy array. */
export const npyHeader: FuzzTarget = {
  name: 'npy-header',
  modules: /format\/npy-header\.ts$/,
  seeds: () => [
    npyFile({ kind: 'f4', shape: [2, 3], value: ONES }),
    npyFile({ kind: 'i8', shape: [4], value: ONES, fortran: true, big: true, version: 2 }),
    npyHead("{'descr': [('x', '<f4'), ('y', '<i4', (2,))], 'fortran_order': False, 'shape': (), }", 3),
  ],
  run(bytes) {
    const start = npyDataStart(bytes.subarray(0, NPY_PREFIX));
    if (!start.ok) return;
    // Of a longer header all that there is.
    const header = readNpyHeader(bytes.subarray(0, start.value));
    if (!header.ok) {
      assert.ok(header.fault.what.length > 0);
      return;
    }
    const { shape, count, dataBytes } = header.value;
    assert.equal(
      shape.reduce((product, size) => product * size, 1),
      count,
    );
    assert.ok(Number.isSafeInteger(dataBytes) && dataBytes >= 0);
  },
};

function arrays(): readonly Buffer[] {
  return [
    npyFile({ kind: 'f4', shape: [3, 2], value: ONES }),
    npyFile({ kind: 'u2', shape: [2, 2], value: ONES, fortran: true, big: true }),
  ];
}

function archives(): readonly Buffer[] {
  const [plain = Buffer.alloc(0), turned = Buffer.alloc(0)] = arrays();
  return [
    zipFile([
      { name: 'x.npy', content: plain },
      { name: 'y.npy', content: turned, method: 8 },
    ]),
    zipFile([
      {
        name: 'o.npy',
        content: Buffer.concat([npyHead("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), PICKLE]),
      },
      { name: 'note.txt', content: Buffer.from('x') },
    ]),
  ];
}

const PICKLE = Buffer.from('cos\nsystem\n(S"id"\ntR.', 'latin1');

/** One array as a checkpoint. */
export const npy: FuzzTarget = {
  name: 'npy',
  modules: /format\/(?:npy|npy-header|numpy-array|pickled-array)\.ts|stored\/(?:strided|swapped)\.ts$/,
  seeds: arrays,
  run: (bytes) => openFiles('a.npy', { 'a.npy': bytes }),
};

/** An archive of arrays as a checkpoint. */
export const npz: FuzzTarget = {
  name: 'npz',
  modules: /format\/(?:npz|npy-header|numpy-array|pickled-array|zip-\w+)\.ts|stored\/\w+\.ts$/,
  seeds: archives,
  run: (bytes) => openFiles('a.npz', { 'a.npz': bytes }),
};

/** Arrays of NumPy as data sets, alone and in an archive. */
export const npyData: FuzzTarget = {
  name: 'npy-data',
  modules: /graph\/data\/(?:npy|npz|byte-range|inflated-range|arrays-in-file|rows)\.ts$/,
  seeds: () => [...arrays(), ...archives()],
  async run(bytes) {
    const isZip = bytes[0] === 0x50;
    const name = isZip ? 'a.npz' : 'a.npy';
    setFiles({ [name]: bytes });
    const data = expectResult(await (isZip ? npzFormat : npyFormat).open(`${FOLDER}/${name}`, {}, []));
    for (const array of data?.arrays ?? []) {
      const rows = await data?.rows([array.name], [0]);
      if (rows?.ok === false) expectProblem(rows.problem);
    }
  },
};

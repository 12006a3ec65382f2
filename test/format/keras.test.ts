import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { zipFile } from '../graph/data/files';
import { temporaryFolder, writeFiles } from './files';

/** Written by h5py 3.16 (HDF5 2.0) by `data/make-hdf5.py`. */
const DATA = paths.resolve(__dirname, 'data');
const REAL = paths.resolve(__dirname, '../../../shared/realdata/minimaxir+textgenrnn');
const withReal = fs.existsSync(REAL) ? {} : { skip: 'the collection of real files is not here' };

async function opened(path: string): Promise<Checkpoint> {
  const result = await openCheckpoint(path);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

async function valuesOf({ tensors }: Checkpoint): Promise<Record<string, number[]>> {
  const all: Record<string, number[]> = {};
  for (const { name, span } of tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
    all[name] = [...decode(span.dtype, bytes.value, span.count)];
  }
  return all;
}

const QUARTERS = Array.from({ length: 120 }, (_, i) => i / 4);
const PARTLY = Array.from({ length: 36 }, (_, i) => {
  const [row, column] = [Math.floor(i / 6), i % 6];
  return row < 2 && column < 3 ? 3 * row + column : 7;
});

/** What was written under each name, as numbers; complex ones have none. */
const EXPECTED: Readonly<Record<string, readonly number[]>> = {
  plain: QUARTERS,
  packed: QUARTERS,
  shuffled: QUARTERS,
  big: QUARTERS,
  half: QUARTERS,
  flags: [1, 0, 1, 0, 1, 0],
  whole: [-3, -2, -1, 0, 1, 2],
  scalar: [2.5],
  partly: PARTLY,
  never: [0, 0, 0],
  complex: [Number.NaN],
  'deep.er.w': [0, 1, 2],
  'one.kernel': QUARTERS,
  brain: [1.5, -2, 0.25],
  ...Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`many.v${String(i).padStart(2, '0')}`, [i]])),
};

for (const name of ['default.h5', 'latest.h5']) {
  test(`every kind of dataset reads as h5py wrote it, in ${name}`, async () => {
    const checkpoint = await opened(paths.join(DATA, name));
    const values = await valuesOf(checkpoint);
    // One object under two names is one tensor.
    if (values['again'] !== undefined) {
      values['plain'] = values['again'];
      delete values['again'];
    }
    assert.deepEqual(values, EXPECTED);
    assert.deepEqual(
      checkpoint.findings.map(({ code, message }) => [code, message.includes('"text"')]),
      [['hdf5-left-out', true]],
    );
  });
}

test('layers and weights stand in the order of the model, by the names of their layers', async () => {
  const checkpoint = await opened(paths.join(DATA, 'layers.weights.h5'));
  assert.deepEqual(await valuesOf(checkpoint), {
    'second.kernel': [0, 1, 2, 3, 4, 5],
    'second.bias': [0, 1, 2],
    'first.kernel': [1, 2, 3, 4, 5, 6],
    'first.bias': [1, 2, 3],
  });
  assert.deepEqual(Object.keys(await valuesOf(checkpoint))[0], 'second.kernel');
  assert.deepEqual(checkpoint.metadata, { model: 'Sequential', backend: 'tensorflow' });
});

test('an archive of Keras has the tensors of the weights in it, stored or packed', async () => {
  const weights = fs.readFileSync(paths.join(DATA, 'default.h5'));
  const folder = temporaryFolder();
  for (const method of [0, 8]) {
    const archive = zipFile([
      { name: 'metadata.json', content: Buffer.from('{"keras_version": "3.9.0"}') },
      { name: 'config.json', content: Buffer.from('{}') },
      { name: 'model.weights.h5', content: weights, method },
    ]);
    writeFiles(folder, { 'model.keras': archive });
    const checkpoint = await opened(paths.join(folder, 'model.keras'));
    assert.equal(checkpoint.container, 'Keras');
    assert.deepEqual(checkpoint.metadata, { keras_version: '3.9.0' });
    const values = await valuesOf(checkpoint);
    assert.deepEqual([values['packed'], values['partly'], values['many.v07']], [QUARTERS, PARTLY, [7]]);
  }
});

test('a download that broke off says how many bytes are missing', async () => {
  const whole = fs.readFileSync(paths.join(DATA, 'default.h5'));
  const folder = temporaryFolder();
  writeFiles(folder, { 'a.h5': whole.subarray(0, whole.length - 1000) });
  const result = await openCheckpoint(paths.join(folder, 'a.h5'));
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'file-truncated');
  assert.match(result.problem.message, /is 1000 bytes short/);
});

test('damaged files give a problem or a checkpoint that can be read or not, never an exception', async () => {
  const folder = temporaryFolder();
  const path = paths.join(folder, 'damaged.h5');
  for (const name of ['default.h5', 'latest.h5', 'layers.weights.h5']) {
    const whole = fs.readFileSync(paths.join(DATA, name));
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        fs.writeFileSync(path, bytes);
        const result = await openCheckpoint(path);
        if (!result.ok) assert.notEqual(result.problem.code, 'internal-error', result.problem.message);
        else for (const { span } of result.value.tensors) if (span.bytes < 2 ** 20) await readSpan(span);
      }),
      { numRuns: 150 },
    );
  }
});

test('fine-tunes of a Keras model have the names and shapes of their base', withReal, async () => {
  const base = await opened(paths.join(REAL, 'textgenrnn/textgenrnn_weights.hdf5'));
  assert.equal(base.tensors.length, 10);
  assert.equal(base.metadata['keras_version'], '2.1.5');
  for (const name of ['hacker_news', 'reddit_apple_android']) {
    const tune = await opened(paths.join(REAL, `weights/${name}.hdf5`));
    const shapes = ({ tensors }: Checkpoint) =>
      tensors.map(({ name: each, span }) => [each, span.shape.join()]);
    assert.deepEqual(shapes(tune), shapes(base));
    assert.equal(
      tune.tensors.reduce((sum, { span }) => sum + span.count, 0),
      462_717,
    );
  }
});

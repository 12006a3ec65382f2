import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openData } from '../../../src/graph/data/registry';
import { numbersOf } from '../../../src/graph/tensor-value';
import { safetensorsFile } from '../../format/files';
import { codeOf, got } from '../got';
import { temporaryFiles } from './files';

const write = temporaryFiles();

test('tensors are arrays over samples', async () => {
  const data = Buffer.alloc(4 * 6 + 8 * 3 + 2 * 3 + 1);
  for (let i = 0; i < 6; i++) data.writeFloatLE(i + 0.5, 4 * i);
  for (let i = 0; i < 3; i++) data.writeBigInt64LE(BigInt(-i), 24 + 8 * i);
  for (let i = 0; i < 3; i++) data.writeUInt16LE(0x3f80 + i, 48 + 2 * i);
  const header = {
    x: { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] },
    labels: { dtype: 'I64', shape: [3], data_offsets: [24, 48] },
    half: { dtype: 'BF16', shape: [3, 1], data_offsets: [48, 54] },
    packed: { dtype: 'F4', shape: [2], data_offsets: [54, 55] },
  };
  const opened = got(await openData(write('good.safetensors', safetensorsFile(header, data))));
  assert.deepEqual(opened.arrays, [
    { name: 'x', type: 'float32', shape: [3, 2] },
    { name: 'labels', type: 'int64', shape: [3] },
    { name: 'half', type: 'bfloat16', shape: [3, 1] },
  ]);
  assert.deepEqual(
    opened.unreadable.map(({ name }) => name),
    ['packed'],
  );
  const rows = got(await opened.rows(['x', 'labels', 'half'], [2, 0]));
  const numbers = [...rows].map(([name, value]) => [name, ...numbersOf(value)]);
  assert.deepEqual(numbers, [
    ['x', 4.5, 5.5, 0.5, 1.5],
    ['labels', -2, 0],
    ['half', 1.015625, 1],
  ]);
});

test('a broken file is refused as a checkpoint would be', async () => {
  const path = write('bad.safetensors', safetensorsFile('{"t":'));
  assert.equal(codeOf(await openData(path)), 'json-syntax');
});

test('a file without a known ending, and one that is not there, are refused', async () => {
  assert.equal(codeOf(await openData(write('data.bin', 'x'))), 'data-format');
  assert.equal(codeOf(await openData('/nowhere/x.npz')), 'file-missing');
});

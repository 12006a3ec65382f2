import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import { asStored } from '../../src/format/packed/registry';
import { temporaryFolder } from './files';
import {
  at,
  assertClose,
  bytes,
  f32,
  namesOf,
  openModel,
  sequence,
  valuesOf,
  writeModel,
} from './packed-files';

const root = temporaryFolder();

suite('Weights of bitsandbytes', () => {
  const NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023,
    1.0,
  ];
  const state = (fields: object) => {
    const text = Buffer.from(
      JSON.stringify({ quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', ...fields }),
    );
    return bytes('U8', [text.length], text);
  };

  test('NF4 has the upper half of a byte first, and the published table where the file has none', async () => {
    const codes = sequence(130, 16);
    const packed = Array.from({ length: 65 }, (_, k) => (at(codes, 2 * k) << 4) | at(codes, 2 * k + 1));
    const absmax = [0.5, 3, 0.01];
    const model = await openModel(
      writeModel(root, 'nf4', {
        'm.weight': bytes('U8', [65, 1], packed),
        'm.weight.absmax': f32([3], absmax),
        'm.weight.quant_state.bitsandbytes__nf4': state({ shape: [13, 10] }),
      }),
    );
    assert.deepEqual(namesOf(model), ['m.weight']);
    const { shape, values } = await valuesOf(model, 'm.weight');
    assert.deepEqual(shape, [13, 10]);
    assert.deepEqual(
      values,
      codes.map((code, k) => Math.fround(at(NF4, code) * Math.fround(at(absmax, k >> 6)))),
    );
  });

  test('scales of NF4 that are quantised themselves are read through their own table', async () => {
    const blocks = 260;
    const codes = sequence(blocks * 64, 16);
    const packed = Array.from(
      { length: blocks * 32 },
      (_, k) => (at(codes, 2 * k) << 4) | at(codes, 2 * k + 1),
    );
    const scaleCodes = sequence(blocks, 256, 8);
    const nested = Array.from({ length: 256 }, (_, k) => Math.fround((k - 127) / 128));
    const model = await openModel(
      writeModel(root, 'nf4-nested', {
        'm.weight': bytes('U8', [blocks * 32, 1], packed),
        'm.weight.absmax': bytes('U8', [blocks], scaleCodes),
        'm.weight.nested_absmax': f32([2], [0.25, 0.75]),
        'm.weight.nested_quant_map': f32([256], nested),
        'm.weight.quant_map': f32([16], NF4),
        'm.weight.quant_state.bitsandbytes__nf4': state({
          shape: [blocks, 64],
          nested_blocksize: 256,
          nested_dtype: 'float32',
          nested_offset: 0.5,
        }),
      }),
    );
    const { values } = await valuesOf(model, 'm.weight');
    const expected = codes.map((code, k) => {
      const block = k >> 6;
      const absmax = Math.fround(
        Math.fround(at(nested, at(scaleCodes, block)) * (block < 256 ? 0.25 : 0.75)) + 0.5,
      );
      return Math.fround(Math.fround(at(NF4, code)) * absmax);
    });
    assert.deepEqual(values, expected);
  });

  test('FP4 of bitsandbytes has its own table, not that of E2M1', async () => {
    const codes = Array.from({ length: 16 }, (_, code) => code);
    const packed = Array.from({ length: 8 }, (_, k) => (at(codes, 2 * k) << 4) | at(codes, 2 * k + 1));
    const model = await openModel(
      writeModel(root, 'fp4', {
        'm.weight': bytes('U8', [8, 1], packed),
        'm.weight.absmax': f32([1], [12]),
        'm.weight.quant_state.bitsandbytes__fp4': state({ shape: [4, 4] }),
      }),
    );
    const { values } = await valuesOf(model, 'm.weight');
    assertClose(values, [0, 0.0625, 8, 12, 4, 6, 2, 3, -0, -0.0625, -8, -12, -4, -6, -2, -3]);
  });

  test('eight bits of bitsandbytes are numbers of 127ths of the largest in their row', async () => {
    const model = await openModel(
      writeModel(root, 'bnb8', {
        'm.weight': bytes('I8', [2, 3], [127, -127, 0, 64, 1, -1]),
        'm.SCB': f32([2], [2, 254]),
        'm.weight_format': bytes('U8', [], [0]),
      }),
    );
    assert.deepEqual(namesOf(model), ['m.weight']);
    assertClose((await valuesOf(model, 'm.weight')).values, [2, -2, 0, 128, 2, -2]);
  });

  test('the tensors as they are stored can be had back, in their order', async () => {
    const model = await openModel(paths.join(root, 'nf4-nested'));
    assert.deepEqual(namesOf(asStored(model)).sort(), [
      'm.weight',
      'm.weight.absmax',
      'm.weight.nested_absmax',
      'm.weight.nested_quant_map',
      'm.weight.quant_map',
      'm.weight.quant_state.bitsandbytes__nf4',
    ]);
    assert.ok(asStored(model).tensors.every(({ span }) => span.stored === undefined));
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gridOf } from '../../src/format/packed/scale-grid';
import { temporaryFolder } from './files';
import {
  at,
  bytes,
  E2M1,
  e4m3,
  f32,
  i32,
  i64,
  namesOf,
  openModel,
  sequence,
  valuesOf,
  writeModel,
} from './packed-files';

const root = temporaryFolder();

suite('Quantised weights', () => {
  test('FP8 with a scale for every 128 × 128, the last blocks cut, is its numbers times the scales', async () => {
    const [rows, columns] = [130, 200];
    const codes = sequence(rows * columns, 256).map((code) => ((code & 127) === 127 ? 0 : code));
    const scales = [0.5, 0.25, 3, 0.125];
    const model = await openModel(
      writeModel(root, 'fp8', {
        'm.weight': bytes('F8_E4M3', [rows, columns], codes),
        'm.weight_scale_inv': f32([2, 2], scales),
        'norm.weight': f32([2], [1, 2]),
      }),
    );
    assert.deepEqual(namesOf(model), ['m.weight', 'norm.weight']);
    const expected = codes.map((code, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      return Math.fround(e4m3(code) * at(scales, (row >> 7) * 2 + (column >> 7)));
    });
    const { shape, values } = await valuesOf(model, 'm.weight');
    assert.deepEqual(shape, [rows, columns]);
    assert.deepEqual(values, expected);
    const [finding] = model.findings;
    assert.equal(finding?.code, 'weights-packed');
    assert.match(
      finding.message,
      /1 weight is stored as scaled FP8 or INT8 \(F8_E4M3 · 128×128\).*"m.weight_scale_inv"/,
    );
  });

  test('the configuration says how large blocks of FP8 are where it could be otherwise', async () => {
    const quantization = { quant_method: 'fp8', weight_block_size: [2, 3] };
    const tensors = {
      'm.weight': bytes('F8_E4M3', [3, 4], new Array(12).fill(0x38)),
      'm.weight_scale_inv': f32([2, 2], [1, 2, 3, 4]),
    };
    const model = await openModel(writeModel(root, 'fp8-config', tensors, quantization));
    assert.deepEqual((await valuesOf(model, 'm.weight')).values, [1, 1, 1, 2, 1, 1, 1, 2, 3, 3, 3, 4]);
    // Another configuration is another checkpoint: results depend on it.
    const other = await openModel(
      writeModel(root, 'fp8-other', tensors, { ...quantization, weight_block_size: [2, 2] }),
    );
    assert.deepEqual((await valuesOf(other, 'm.weight')).values, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4]);
  });

  test('scales for a whole tensor, for rows and for groups are told apart by their shapes', () => {
    assert.deepEqual(gridOf([4, 6], [], null)?.block, [4, 6]);
    assert.deepEqual(gridOf([4, 6], [1], null)?.block, [4, 6]);
    assert.deepEqual(gridOf([4, 6], [4], null)?.block, [1, 6]);
    assert.deepEqual(gridOf([4, 6], [4, 1], null)?.block, [1, 6]);
    assert.deepEqual(gridOf([4, 6], [4, 3], null)?.block, [1, 2]);
    assert.deepEqual(gridOf([2, 256, 128], [2, 2, 1], null)?.block, [128, 128]);
    assert.equal(gridOf([4, 6], [3, 1], null), null);
    assert.equal(gridOf([4, 6], [5], null), null);
    assert.equal(gridOf([2, 4, 6], [3, 4, 1], null), null);
  });

  test('INT8 by row with zero points is (number − zero) · scale', async () => {
    const codes = sequence(12, 256).map((code) => code - 128);
    const model = await openModel(
      writeModel(root, 'int8', {
        'm.weight': bytes('I8', [3, 4], codes),
        'm.weight_scale': f32([3, 1], [0.5, 2, 0.25]),
        'm.weight_zero_point': bytes('I8', [3, 1], [1, -3, 0]),
      }),
    );
    const [scales, zeros] = [
      [0.5, 2, 0.25],
      [1, -3, 0],
    ];
    const expected = codes.map((code, index) => (code - at(zeros, index >> 2)) * at(scales, index >> 2));
    assert.deepEqual((await valuesOf(model, 'm.weight')).values, expected);
  });

  test('blocks of gpt-oss are E2M1 times 2^(exponent − 127), and come out with inputs first', async () => {
    const [experts, rows, groups] = [3, 4, 2];
    const blocks = sequence(experts * rows * groups * 16, 256);
    const exponents = sequence(experts * rows * groups, 8, 2).map((e) => e + 120);
    const tensors = {
      'e.gate_up_proj_blocks': bytes('U8', [experts, rows, groups, 16], blocks),
      'e.gate_up_proj_scales': bytes('U8', [experts, rows, groups], exponents),
    };
    const { shape, values } = await valuesOf(
      await openModel(writeModel(root, 'mx', tensors)),
      'e.gate_up_proj',
    );
    const columns = groups * 32;
    assert.deepEqual(shape, [experts, columns, rows]);
    const value = (expert: number, row: number, column: number) => {
      const group = (expert * rows + row) * groups + (column >> 5);
      const byte = at(blocks, group * 16 + ((column & 31) >> 1));
      return at(E2M1, column & 1 ? byte >> 4 : byte & 15) * 2 ** (at(exponents, group) - 127);
    };
    const expected = Array.from({ length: experts * columns * rows }, (_, k) =>
      value(Math.floor(k / (rows * columns)), k % rows, Math.floor(k / rows) % columns),
    );
    assert.deepEqual(values, expected);
    const original = {
      'm.mlp1_weight.blocks': tensors['e.gate_up_proj_blocks'],
      'm.mlp1_weight.scales': tensors['e.gate_up_proj_scales'],
    };
    const plain = await valuesOf(await openModel(writeModel(root, 'mx-original', original)), 'm.mlp1_weight');
    assert.deepEqual(plain.shape, [experts, rows, columns]);
    assert.equal(plain.values[columns + 5], value(0, 1, 5));
  });

  for (const { what, codes, scales, overall, divides } of [
    {
      what: 'compressed-tensors',
      codes: 'm.weight_packed',
      scales: 'm.weight_scale',
      overall: 'm.weight_global_scale',
      divides: true,
    },
    {
      what: 'modelopt',
      codes: 'm.weight',
      scales: 'm.weight_scale',
      overall: 'm.weight_scale_2',
      divides: false,
    },
  ])
    test(`NVFP4 of ${what} has E4M3 scales for 16, and one for all that ${divides ? 'divides' : 'multiplies'}`, async () => {
      const packed = sequence(2 * 16, 256);
      const blockScales = [0x38, 0x40, 0x30, 0x3c];
      const model = await openModel(
        writeModel(root, `nvfp4-${what}`, {
          [codes]: bytes('U8', [2, 16], packed),
          [scales]: bytes('F8_E4M3', [2, 2], blockScales),
          [overall]: f32([1], [divides ? 8 : 0.125]),
        }),
      );
      assert.deepEqual(namesOf(model), ['m.weight']);
      const expected = Array.from({ length: 64 }, (_, k) => {
        const byte = at(packed, k >> 1);
        return (at(E2M1, k & 1 ? byte >> 4 : byte & 15) * e4m3(at(blockScales, k >> 4))) / 8;
      });
      assert.deepEqual((await valuesOf(model, 'm.weight')).values, expected);
    });

  const state = (fields: object) => {
    const text = Buffer.from(
      JSON.stringify({ quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', ...fields }),
    );
    return bytes('U8', [text.length], text);
  };

  test('what does not fit stays as it is stored, with the reason', async () => {
    const model = await openModel(
      writeModel(root, 'misfit', {
        'a.weight': bytes('F8_E4M3', [3, 4], new Array(12).fill(0)),
        'a.weight_scale_inv': f32([5, 7], new Array(35).fill(1)),
        'b.qweight': i32([4, 5], new Array(20).fill(0)),
        'b.qzeros': i32([1, 5], new Array(5).fill(0)),
        'b.scales': f32([1, 7], new Array(7).fill(1)),
        'c.weight': bytes('U8', [2, 1], [1, 2]),
        'c.weight.absmax': f32([1], [1]),
        'c.weight.quant_state.bitsandbytes__nf4': bytes('U8', [3], [123, 125, 32]),
      }),
    );
    assert.equal(model.tensors.length, 8);
    assert.ok(model.tensors.every(({ span }) => span.stored === undefined));
    const unread = model.findings.filter(({ code }) => code === 'weights-packed-unread');
    assert.deepEqual(unread.map(({ at: name }) => name).sort(), ['a.weight', 'b.weight', 'c.weight']);
  });

  test('descriptions that lie about shapes and sizes are refused before anything is allocated', async () => {
    for (const [index, shape] of [
      [2 ** 30, 2 ** 30],
      [],
      [-1, 4],
      [0.5],
      ['x'],
      new Array(50).fill(1),
    ].entries()) {
      const model = await openModel(
        writeModel(root, `lie-${String(index)}`, {
          'm.weight': bytes('U8', [2, 1], [1, 2]),
          'm.weight.absmax': f32([1], [1]),
          'm.weight.quant_state.bitsandbytes__nf4': state({ shape }),
        }),
      );
      assert.equal(model.findings[0]?.code, 'weights-packed-unread');
    }
  });

  test('a weight whose plain name is taken is not shown twice', async () => {
    const model = await openModel(
      writeModel(root, 'taken', {
        'm.weight': f32([1], [1]),
        'm.weight_packed': i32([1, 1], [0]),
        'm.weight_scale': f32([1, 1], [1]),
        'm.weight_shape': i64([2], [1, 8]),
      }),
    );
    assert.deepEqual(namesOf(model).sort(), [
      'm.weight',
      'm.weight_packed',
      'm.weight_scale',
      'm.weight_shape',
    ]);
    assert.match(model.findings[0]?.message ?? '', /a tensor of its name is there, too/);
  });
});

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { after, suite, test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { asStored } from '../../src/format/packed/registry';
import { gridOf } from '../../src/format/packed/scale-grid';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { OpenFiles } from '../../src/tensor/open-files';
import { bitStream, bytes, E2M1, e4m3, f32, i32, i64, sequence, writeModel } from './packed-files';

const root = fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-packed-'));
after(() => fs.rmSync(root, { recursive: true }));

async function open(folder: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

async function valuesOf(
  checkpoint: Checkpoint,
  name: string,
): Promise<{ shape: readonly number[]; values: number[] }> {
  const span = checkpoint.tensors.find((entry) => entry.name === name)?.span;
  assert.ok(span, `${name} is not there, only ${checkpoint.tensors.map((entry) => entry.name).join(', ')}`);
  assert.equal(span.dtype, 'F32');
  const read = await readSpan(span);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  const whole = [...new Float32Array(read.value.buffer, read.value.byteOffset, span.count)];
  // Any part reads as that part of the whole.
  const files = new OpenFiles();
  for (const [from, length] of [
    [3, 7],
    [span.bytes - 5, 5],
    [Math.floor(span.bytes / 2) + 1, 16],
  ] as const) {
    if (from < 0 || from + length > span.bytes) continue;
    const part = new Uint8Array(length);
    assert.equal(files.read(span, from, part), null);
    assert.deepEqual(part, new Uint8Array(read.value.subarray(from, from + length)));
  }
  files.close();
  return { shape: span.shape, values: whole };
}

function namesOf({ tensors }: Checkpoint): string[] {
  return tensors.map(({ name }) => name);
}

/** Equal but for the rounding of two float32 products. */
function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  found.forEach((value, index) => {
    const other = expected[index] ?? Number.NaN;
    assert.ok(
      Math.abs(value - other) <= 2.4e-7 * Math.abs(other),
      `${String(index)}: ${String(value)}, not ${String(other)}`,
    );
  });
}

const at = (list: readonly number[], index: number): number => list[index] ?? Number.NaN;

suite('Quantised weights', () => {
  test('FP8 with a scale for every 128 × 128, the last blocks cut, is its numbers times the scales', async () => {
    const [rows, columns] = [130, 200];
    const codes = sequence(rows * columns, 256).map((code) => ((code & 127) === 127 ? 0 : code));
    const scales = [0.5, 0.25, 3, 0.125];
    const model = await open(
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
    const model = await open(writeModel(root, 'fp8-config', tensors, quantization));
    assert.deepEqual((await valuesOf(model, 'm.weight')).values, [1, 1, 1, 2, 1, 1, 1, 2, 3, 3, 3, 4]);
    // Another configuration is another checkpoint: results depend on it.
    const other = await open(
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
    const model = await open(
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

  for (const bits of [2, 3, 4, 8]) {
    for (const version of ['gptq', 'gptq_v2'])
      test(`${version} of ${String(bits)} bits, with groups in any order, is unpacked`, async () => {
        const [inputs, outputs, groups] = [64, 32, 4];
        const q = sequence(inputs * outputs, 2 ** bits, 5);
        // A zero point of the first version is never 0, since it is stored less 1.
        const zeros = sequence(groups * outputs, 2 ** bits - 1, 7).map((zero) => zero + 1);
        const scales = sequence(groups * outputs, 1000, 9).map((scale) => (scale + 1) / 4096);
        const g_idx = sequence(inputs, groups, 11);
        const columns = Array.from({ length: outputs }, (_, o) =>
          bitStream(
            Array.from({ length: inputs }, (__, i) => at(q, i * outputs + o)),
            bits,
          ),
        );
        const words = (inputs * bits) / 32;
        const less = version === 'gptq' ? 1 : 0;
        const stored = Array.from({ length: groups }, (_, g) =>
          bitStream(
            zeros.slice(g * outputs, (g + 1) * outputs).map((zero) => zero - less),
            bits,
          ),
        );
        const model = await open(
          writeModel(
            root,
            `${version}-${String(bits)}`,
            {
              'm.qweight': i32(
                [words, outputs],
                Array.from({ length: words * outputs }, (_, k) =>
                  at(columns[k % outputs] ?? [], Math.floor(k / outputs)),
                ),
              ),
              'm.qzeros': i32([groups, (outputs * bits) / 32], stored.flat()),
              'm.scales': f32([groups, outputs], scales),
              'm.g_idx': i32([inputs], g_idx),
              'm.bias': f32([1], [0]),
            },
            { quant_method: 'gptq', bits, checkpoint_format: version },
          ),
        );
        assert.deepEqual(namesOf(model), ['m.weight', 'm.bias']);
        const { shape, values } = await valuesOf(model, 'm.weight');
        assert.deepEqual(shape, [outputs, inputs]);
        const expected = Array.from({ length: outputs * inputs }, (_, k) => {
          const [o, i] = [Math.floor(k / inputs), k % inputs];
          const group = at(g_idx, i) * outputs + o;
          return Math.fround((at(q, i * outputs + o) - at(zeros, group)) * Math.fround(at(scales, group)));
        });
        assert.deepEqual(values, expected);
      });
  }

  test('three bits of GPTQ by hand: value 10 lies across the first two words, value 21 across the next', async () => {
    // 32 values of one output in three words; all 0 but number 10 = 0b110 (bits 30, 31 | 32) and number 21 = 0b101 (63 | 64, 65).
    const model = await open(
      writeModel(
        root,
        'three',
        {
          'm.qweight': i32(
            [3, 32],
            [0, 1, 2].flatMap((word) =>
              new Array<number>(32).fill([1 << 31, (1 << 0) | (1 << 31), 2][word] ?? 0),
            ),
          ),
          'm.qzeros': i32([1, 3], [0, 0, 0]),
          'm.scales': f32([1, 32], new Array<number>(32).fill(1)),
        },
        { quant_method: 'gptq', bits: 3, checkpoint_format: 'gptq_v2' },
      ),
    );
    const { values } = await valuesOf(model, 'm.weight');
    const expected = new Array<number>(32).fill(0);
    expected[10] = 6;
    expected[21] = 5;
    assert.deepEqual(values.slice(0, 32), expected);
  });

  test('AWQ has its outputs in the order 0 2 4 6 1 3 5 7 in each word', async () => {
    const [inputs, outputs, groups] = [16, 24, 2];
    const q = sequence(inputs * outputs, 16, 3);
    const zeros = sequence(groups * outputs, 16, 4);
    const scales = sequence(groups * outputs, 100, 6).map((scale) => (scale + 1) / 256);
    const order = [0, 2, 4, 6, 1, 3, 5, 7];
    const pack = (row: readonly number[]) =>
      Array.from({ length: row.length / 8 }, (_, word) =>
        order.reduce((sum, from, place) => sum | (at(row, word * 8 + from) << (4 * place)), 0),
      );
    const packAll = (values: readonly number[], rows: number) =>
      Array.from({ length: rows }, (_, row) => pack(values.slice(row * outputs, (row + 1) * outputs))).flat();
    const model = await open(
      writeModel(root, 'awq', {
        'm.qweight': i32([inputs, outputs / 8], packAll(q, inputs)),
        'm.qzeros': i32([groups, outputs / 8], packAll(zeros, groups)),
        'm.scales': f32([groups, outputs], scales),
      }),
    );
    const { shape, values } = await valuesOf(model, 'm.weight');
    assert.deepEqual(shape, [outputs, inputs]);
    const expected = Array.from({ length: outputs * inputs }, (_, k) => {
      const [o, i] = [Math.floor(k / inputs), k % inputs];
      const group = Math.floor(i / 8) * outputs + o;
      return (at(q, i * outputs + o) - at(zeros, group)) * at(scales, group);
    });
    assert.deepEqual(values, expected);
  });

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
    const model = await open(
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
    const model = await open(
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
    const model = await open(
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
    const model = await open(
      writeModel(root, 'bnb8', {
        'm.weight': bytes('I8', [2, 3], [127, -127, 0, 64, 1, -1]),
        'm.SCB': f32([2], [2, 254]),
        'm.weight_format': bytes('U8', [], [0]),
      }),
    );
    assert.deepEqual(namesOf(model), ['m.weight']);
    assertClose((await valuesOf(model, 'm.weight')).values, [2, -2, 0, 128, 2, -2]);
  });

  test('blocks of gpt-oss are E2M1 times 2^(exponent − 127), and come out with inputs first', async () => {
    const [experts, rows, groups] = [3, 4, 2];
    const blocks = sequence(experts * rows * groups * 16, 256);
    const exponents = sequence(experts * rows * groups, 8, 2).map((e) => e + 120);
    const tensors = {
      'e.gate_up_proj_blocks': bytes('U8', [experts, rows, groups, 16], blocks),
      'e.gate_up_proj_scales': bytes('U8', [experts, rows, groups], exponents),
    };
    const { shape, values } = await valuesOf(await open(writeModel(root, 'mx', tensors)), 'e.gate_up_proj');
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
    const plain = await valuesOf(await open(writeModel(root, 'mx-original', original)), 'm.mlp1_weight');
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
      const model = await open(
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

  test('integers of compressed-tensors are offset, by groups, with packed zero points, and drop what fills the last word', async () => {
    const [rows, columns, groups] = [10, 12, 3];
    const q = sequence(rows * columns, 16, 21).map((value) => value - 8);
    const zeros = sequence(rows * groups, 16, 22).map((value) => value - 8);
    const scales = sequence(rows * groups, 50, 23).map((scale) => (scale + 1) / 64);
    const packRow = (row: readonly number[]) =>
      bitStream(
        row.map((value) => value + 8),
        4,
      );
    const zeroColumns = Array.from({ length: groups }, (_, g) =>
      packRow(Array.from({ length: rows }, (__, row) => at(zeros, row * groups + g))),
    );
    const tensors = {
      'm.weight_packed': i32(
        [rows, 2],
        Array.from({ length: rows }, (_, row) => packRow(q.slice(row * columns, (row + 1) * columns))).flat(),
      ),
      'm.weight_scale': f32([rows, groups], scales),
      'm.weight_shape': i64([2], [rows, columns]),
    };
    const value = (k: number, zero: boolean) => {
      const group = Math.floor(k / columns) * groups + Math.floor((k % columns) / 4);
      return (at(q, k) - (zero ? at(zeros, group) : 0)) * at(scales, group);
    };
    const symmetric = await valuesOf(await open(writeModel(root, 'ct', tensors)), 'm.weight');
    assert.deepEqual(symmetric.shape, [rows, columns]);
    assert.deepEqual(
      symmetric.values,
      q.map((_, k) => value(k, false)),
    );
    const zeroPoint = i32(
      [2, groups],
      [0, 1].flatMap((word) => zeroColumns.map((column) => at(column, word))),
    );
    const asymmetric = await open(
      writeModel(root, 'ct-zeros', { ...tensors, 'm.weight_zero_point': zeroPoint }),
    );
    assert.deepEqual(namesOf(asymmetric), ['m.weight']);
    assert.deepEqual(
      (await valuesOf(asymmetric, 'm.weight')).values,
      q.map((_, k) => value(k, true)),
    );
  });

  test('what does not fit stays as it is stored, with the reason', async () => {
    const model = await open(
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
      const model = await open(
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
    const model = await open(
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

  test('the tensors as they are stored can be had back, in their order', async () => {
    const model = await open(paths.join(root, 'nf4-nested'));
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

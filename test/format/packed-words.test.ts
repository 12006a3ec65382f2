import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { temporaryFolder } from './files';
import {
  at,
  bitStream,
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

suite('Quantised weights in words of 32 bits', () => {
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
        const model = await openModel(
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
    const model = await openModel(
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
    const model = await openModel(
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
    const symmetric = await valuesOf(await openModel(writeModel(root, 'ct', tensors)), 'm.weight');
    assert.deepEqual(symmetric.shape, [rows, columns]);
    assert.deepEqual(
      symmetric.values,
      q.map((_, k) => value(k, false)),
    );
    const zeroPoint = i32(
      [2, groups],
      [0, 1].flatMap((word) => zeroColumns.map((column) => at(column, word))),
    );
    const asymmetric = await openModel(
      writeModel(root, 'ct-zeros', { ...tensors, 'm.weight_zero_point': zeroPoint }),
    );
    assert.deepEqual(namesOf(asymmetric), ['m.weight']);
    assert.deepEqual(
      (await valuesOf(asymmetric, 'm.weight')).values,
      q.map((_, k) => value(k, true)),
    );
  });

  test('AWQ for gemv packs eight inputs in a word in their order, and has room behind the last group', async () => {
    const [outputs, inputs, groups, room] = [3, 24, 3, 8];
    const q = sequence(outputs * inputs, 16);
    const zeros = sequence(outputs * room, 16, 3);
    const scales = Array.from({ length: outputs * room }, (_, k) => (k + 1) / 64);
    const model = await openModel(
      writeModel(
        root,
        'awq-gemv',
        {
          'm.qweight': i32([outputs, inputs / 8], bitStream(q, 4)),
          'm.qzeros': i32([outputs, room / 8], bitStream(zeros, 4)),
          'm.scales': f32([outputs, room], scales),
        },
        { quant_method: 'awq', version: 'gemv', bits: 4, group_size: inputs / groups },
      ),
    );
    const { shape, values } = await valuesOf(model, 'm.weight');
    assert.deepEqual(shape, [outputs, inputs]);
    const expected = q.map((code, k) => {
      const group = Math.floor(k / inputs) * room + Math.floor((k % inputs) / 8);
      return (code - at(zeros, group)) * at(scales, group);
    });
    assert.deepEqual(values, expected);
  });

  test('AutoRound has the zero points of the library in whose way it says it packs', async () => {
    const [inputs, outputs] = [8, 8];
    const tensors = {
      'm.qweight': i32([1, outputs], new Array<number>(outputs).fill(0x99999999 | 0)),
      'm.qzeros': i32([1, 1], [0x77777777]),
      'm.scales': f32([1, outputs], new Array<number>(outputs).fill(0.5)),
    };
    for (const [format, zero] of [
      ['auto_round:auto_gptq', 8],
      ['auto_round:gptqmodel', 7],
    ] as const) {
      const config = { quant_method: 'auto-round', bits: 4, group_size: 8, packing_format: format };
      const model = await openModel(writeModel(root, `auto-round-${String(zero)}`, tensors, config));
      const { values } = await valuesOf(model, 'm.weight');
      assert.deepEqual(values, new Array<number>(inputs * outputs).fill((9 - zero) * 0.5));
    }
    const silent = await openModel(
      writeModel(root, 'auto-round', tensors, { quant_method: 'auto-round', bits: 4 }),
    );
    assert.deepEqual(namesOf(silent), ['m.qweight', 'm.qzeros', 'm.scales']);
  });
});

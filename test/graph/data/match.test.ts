import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchesOf, readBatch } from '../../../src/graph/data/batches';
import type { DataArray } from '../../../src/graph/data/data-set';
import { matchData } from '../../../src/graph/data/match';
import type { DataOptions } from '../../../src/protocol/data';
import { moveFirstAxis } from '../../../src/graph/data/move-axis';
import { openData } from '../../../src/graph/data/registry';
import type { ElementType } from '../../../src/format/onnx/element-types';
import type { ValueInfo } from '../../../src/format/onnx/types';
import { tensorValue } from '../../../src/graph/tensor-value';
import { codeOf, got } from '../got';
import { npyFile, placeOf, temporaryFiles, zipFile, type Kind } from './files';

const write = temporaryFiles();

type Arrays = Readonly<
  Record<string, readonly [Kind, readonly number[], ((place: readonly number[]) => number)?]>
>;

async function dataOf(arrays: Arrays) {
  const members = Object.entries(arrays).map(
    ([name, [kind, shape, value = (place: readonly number[]) => (place[0] ?? 0) % 2]]) => ({
      name: `${name}.npy`,
      content: npyFile({ kind, shape, value }),
    }),
  );
  return got(await openData(write('set.npz', zipFile(members))));
}

function input(name: string, type: ElementType | null, shape: ValueInfo['shape']): ValueInfo {
  return { name, type, shape };
}

const PIXELS = input('pixel_values', 'float32', ['batch', 1, 4, 4]);
const IDS = input('input_ids', 'int64', ['batch', 'sequence']);
const MASK = input('attention_mask', 'int64', ['batch', 'sequence']);

async function refused(
  arrays: Arrays,
  inputs: readonly ValueInfo[],
  options?: DataOptions,
): Promise<[string, string]> {
  const match = matchData(await dataOf(arrays), inputs, options);
  return match.ok ? ['no problem', ''] : [match.problem.code, match.problem.message];
}

test('arrays feed the inputs of their names, and labels are found', async () => {
  for (const name of ['labels', 'label', 'y', 'targets', 'target']) {
    const match = got(
      matchData(
        await dataOf({ pixel_values: ['f4', [6, 1, 4, 4]], [name]: ['i8', [6]], extra: ['f4', [2]] }),
        [PIXELS],
      ),
    );
    assert.equal(match.samples, 6);
    assert.deepEqual(
      match.inputs.map(({ feed, type }) => [feed.kind, type]),
      [['rows', 'float32']],
    );
    assert.equal(match.labels?.array.name, name);
    assert.deepEqual([match.unused, match.findings, match.batch], [['extra'], [], null]);
  }
});

test('case and punctuation of names do not matter, and what the user says comes first', async () => {
  const arrays: Arrays = { PixelValues: ['f4', [6, 1, 4, 4]], other: ['f4', [6, 1, 4, 4]] };
  const feeds = async (options?: DataOptions) => {
    const match = got(matchData(await dataOf(arrays), [PIXELS], options));
    return match.inputs.map(({ feed }) => (feed.kind === 'default' ? '' : feed.array.name));
  };
  assert.deepEqual(await feeds(), ['PixelValues']);
  assert.deepEqual(await feeds({ inputs: { pixel_values: 'other' } }), ['other']);
});

test('a single input takes the single array that fits it, which is said', async () => {
  const match = got(matchData(await dataOf({ x: ['f4', [6, 1, 4, 4]], y: ['i8', [6]] }), [PIXELS]));
  assert.equal(match.inputs[0]?.feed.kind, 'rows');
  assert.deepEqual(
    match.findings.map(({ code, severity }) => [code, severity]),
    [['data-input-guessed', 'information']],
  );
  const [code] = await refused({ x: ['f4', [6, 3, 4, 4]], y: ['i8', [6]] }, [PIXELS]);
  assert.equal(code, 'data-input-unmatched');
  assert.equal(
    (await refused({ a: ['f4', [6, 1, 4, 4]], b: ['f4', [6, 1, 4, 4]] }, [PIXELS]))[0],
    'data-input-unmatched',
  );
});

test('what does not match is named on both sides', async () => {
  const [unmatched, names] = await refused({ a: ['i8', [6, 3]], b: ['f4', [6]] }, [IDS, PIXELS]);
  assert.equal(unmatched, 'data-input-unmatched');
  for (const name of ['"a"', '"b"', '"input_ids"', '"pixel_values"']) assert.ok(names.includes(name), name);
  const [shape, sizes] = await refused({ pixel_values: ['f4', [6, 3, 4, 4]] }, [PIXELS]);
  assert.equal(shape, 'data-input-shape');
  assert.ok(sizes.includes('[batch, 1, 4, 4]') && sizes.includes('[6, 3, 4, 4]'));
  assert.equal((await refused({ pixel_values: ['f4', [6, 4, 4]] }, [PIXELS]))[0], 'data-input-shape');
  assert.equal(
    (await refused({ input_ids: ['i8', [6, 3]] }, [IDS], { inputs: { tokens: 'input_ids' } }))[0],
    'data-input-unmatched',
  );
  assert.equal(
    (await refused({ input_ids: ['i8', [6, 3]] }, [IDS], { inputs: { input_ids: 'tokens' } }))[0],
    'data-array-missing',
  );
  assert.equal(
    (await refused({ input_ids: ['i8', [6, 3]] }, [IDS], { labels: 'gold' }))[0],
    'data-array-missing',
  );
  assert.equal(
    (await refused({ words: ['i8', [6, 3]] }, [input('words', 'string', ['batch', 3])]))[0],
    'data-input-type',
  );
});

test('arrays of one data set have as many samples as each other', async () => {
  const [code, message] = await refused(
    { input_ids: ['i8', [6, 3]], attention_mask: ['i8', [5, 3]], labels: ['i8', [6]] },
    [IDS, MASK],
  );
  assert.equal(code, 'data-samples-differ');
  assert.ok(message.includes('"attention_mask" has 5') && message.includes('has 6'));
  assert.equal(
    (await refused({ input_ids: ['i8', [6, 3]], labels: ['i8', [7]] }, [IDS]))[0],
    'data-samples-differ',
  );
  assert.equal((await refused({ input_ids: ['i8', [0, 3]] }, [IDS]))[0], 'data-empty');
});

test('equal names of sizes mean equal sizes', async () => {
  const [code, message] = await refused({ input_ids: ['i8', [6, 3]], attention_mask: ['i8', [6, 4]] }, [
    IDS,
    MASK,
  ]);
  assert.equal(code, 'data-input-shape');
  assert.ok(message.includes('"sequence" is 3') && message.includes('and 4'));
});

test('arrays that are the same for all samples are found by their shape, or said', async () => {
  const table = input('table', 'float32', [1, 3]);
  const scale = input('scale', 'float32', []);
  const arrays: Arrays = {
    input_ids: ['i4', [6, 3]],
    table: ['f4', [1, 3], ([, j = 0]) => j + 0.5],
    scale: ['f8', [], () => 2],
  };
  const data = await dataOf(arrays);
  const match = got(matchData(data, [IDS, table, scale]));
  assert.deepEqual(
    match.inputs.map(({ feed }) => feed.kind),
    ['rows', 'constant', 'constant'],
  );
  const { inputs } = got(await readBatch(match, [5, 1]));
  assert.deepEqual(inputs.get('input_ids')?.shape, [2, 3]);
  assert.deepEqual(inputs.get('table'), {
    type: 'float32',
    shape: [1, 3],
    data: Float32Array.of(0.5, 1.5, 2.5),
  });
  assert.deepEqual(inputs.get('scale'), { type: 'float32', shape: [], data: Float32Array.of(2) });
  const bank = input('bank', 'float32', ['entries', 3]);
  const banked: Arrays = { input_ids: ['i4', [6, 3]], bank: ['f4', [4, 3]], labels: ['i8', [6]] };
  assert.equal((await refused(banked, [IDS, bank]))[0], 'data-samples-differ');
  assert.equal((await refused(banked, [IDS, bank], { constant: ['bnak'] }))[0], 'data-array-missing');
  const said = got(matchData(await dataOf(banked), [IDS, bank], { constant: ['bank'] }));
  assert.deepEqual(got(await readBatch(said, [0])).inputs.get('bank')?.shape, [4, 3]);
});

test('inputs that the transformers library fills itself are filled alike, which is said', async () => {
  const segments = input('token_type_ids', 'int32', ['batch', 'sequence']);
  const positions = input('position_ids', 'int64', ['batch', 'sequence']);
  const match = got(matchData(await dataOf({ input_ids: ['i8', [6, 3]] }), [IDS, MASK, segments, positions]));
  assert.deepEqual(
    match.findings.map(({ code, at }) => `${code} ${at ?? ''}`),
    [
      'data-input-default attention_mask',
      'data-input-default token_type_ids',
      'data-input-default position_ids',
    ],
  );
  const { inputs } = got(await readBatch(match, [0, 4]));
  assert.deepEqual(inputs.get('attention_mask'), {
    type: 'int64',
    shape: [2, 3],
    data: BigInt64Array.of(1n, 1n, 1n, 1n, 1n, 1n),
  });
  assert.deepEqual(inputs.get('token_type_ids'), { type: 'int32', shape: [2, 3], data: new Int32Array(6) });
  assert.deepEqual(inputs.get('position_ids')?.data, BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n));
  assert.equal(
    (await refused({ pixel_values: ['f4', [6, 1, 4, 4]] }, [PIXELS, MASK]))[0],
    'data-input-unmatched',
  );
});

test('values are converted where that is exact, and otherwise named with their sample', async () => {
  const arrays: Arrays = { pixel_values: ['f8', [6, 1, 4, 4], ([i = 0]) => (i === 3 ? 0.1 : 0.5)] };
  const match = got(matchData(await dataOf(arrays), [PIXELS]));
  assert.equal(got(await readBatch(match, [0, 5])).inputs.get('pixel_values')?.type, 'float32');
  const inexact = await readBatch(match, [5, 3]);
  assert.equal(codeOf(inexact), 'data-inexact');
  assert.ok(
    !inexact.ok && inexact.problem.message.includes('0.1 in "pixel_values" of sample 3 is no float32'),
  );
  const rounded = got(matchData(await dataOf(arrays), [PIXELS], { round: true }));
  assert.equal(got(await readBatch(rounded, [3])).inputs.get('pixel_values')?.data[0], Math.fround(0.1));
});

test('labels come as whole numbers or as targets, and are ignored where the mask says so', async () => {
  const arrays: Arrays = {
    input_ids: ['i8', [2, 3]],
    labels: ['i4', [2, 3], ([i = 0, j = 0]) => (j === 2 ? -100 : 10 * i + j)],
    loss_mask: ['b1', [2, 3], ([, j = 0]) => j],
  };
  const match = got(matchData(await dataOf(arrays), [IDS]));
  const { reference, count, indices } = got(await readBatch(match, [1, 0]));
  assert.deepEqual(reference, {
    type: 'int64',
    shape: [2, 3],
    data: BigInt64Array.of(-100n, 11n, -100n, -100n, 1n, -100n),
  });
  assert.deepEqual([count, indices, match.labels?.shift], [2, [1, 0], false]);
  const targets = got(
    matchData(await dataOf({ pixel_values: ['f4', [2, 1, 4, 4]], y: ['f8', [2, 1], () => 0.5] }), [PIXELS]),
  );
  assert.deepEqual(got(await readBatch(targets, [0])).reference, {
    type: 'float32',
    shape: [1, 1],
    data: Float32Array.of(0.5),
  });
  assert.equal(got(await readBatch(targets, [0], { labelType: 'float64' })).reference?.type, 'float64');
  assert.equal(codeOf(await readBatch(targets, [0], { labelType: 'int64' })), 'data-inexact');
  assert.equal(
    (
      await refused({ input_ids: ['i8', [2, 3]], labels: ['i8', [2, 3]], loss_mask: ['b1', [2, 4]] }, [IDS])
    )[0],
    'data-labels',
  );
});

test('labels that are the inputs are moved to the positions that predict them', async () => {
  const arrays: Arrays = {
    input_ids: ['i8', [2, 3], ([i = 0, j = 0]) => 10 * i + j],
    labels: ['i8', [2, 3], ([i = 0, j = 0]) => 10 * i + j],
  };
  const match = got(matchData(await dataOf(arrays), [IDS], { shift: true }));
  const { reference } = got(await readBatch(match, [0, 1]));
  assert.deepEqual(reference?.data, BigInt64Array.of(1n, 2n, -100n, 11n, 12n, -100n));
});

test('a graph for a fixed number of samples gets that many, and samples along another axis go there', async () => {
  const fixed = input('x', 'float32', [4, 3]);
  const match = got(matchData(await dataOf({ x: ['f4', [10, 3]] }), [fixed]));
  assert.equal(match.batch, 4);
  assert.deepEqual(
    batchesOf(
      Array.from({ length: 10 }, (_, i) => i),
      64,
      match.batch,
    ),
    [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ],
  );
  assert.deepEqual(batchesOf([3, 5, 7], 2, null), [[3, 5], [7]]);
  assert.equal((await refused({ x: ['f4', [3, 3]] }, [fixed]))[0], 'data-input-shape');
  const later = input('src', 'float32', ['sequence', 'batch', 2]);
  const moved = got(
    matchData(await dataOf({ src: ['f4', [5, 3, 2], ([i = 0, j = 0, k = 0]) => 100 * i + 10 * j + k] }), [
      later,
    ]),
  );
  const src = got(await readBatch(moved, [4, 1])).inputs.get('src');
  assert.deepEqual(src?.shape, [3, 2, 2]);
  assert.deepEqual([...(src?.data ?? [])], [400, 401, 100, 101, 410, 411, 110, 111, 420, 421, 120, 121]);
});

test('moving an axis leaves every value at its place', () => {
  const shape = [2, 3, 4, 5];
  const value = tensorValue(
    'int32',
    shape,
    Array.from({ length: 120 }, (_, i) => i),
  );
  for (const axis of [0, 1, 2, 3]) {
    const moved = moveFirstAxis(value, axis);
    const order = [1, 2, 3];
    order.splice(axis, 0, 0);
    assert.deepEqual(
      moved.shape,
      order.map((from) => shape[from]),
    );
    for (let i = 0; i < 120; i++) {
      const place = placeOf(i, moved.shape);
      const original = shape.map((_, from) => place[order.indexOf(from)] ?? 0);
      const flat = original.reduce((sum, index, from) => sum * (shape[from] ?? 1) + index, 0);
      assert.equal(moved.data[i], flat);
    }
  }
});

test('padded arrays without a number of samples are no surprise', async () => {
  const arrays: readonly DataArray[] = [{ name: 'input_ids', type: 'int64', shape: [3, null], padded: true }];
  const data = { ...(await dataOf({ input_ids: ['i8', [3, 2]] })), arrays };
  assert.equal(got(matchData(data, [IDS])).length, null);
  assert.equal(got(matchData(data, [input('input_ids', 'int64', ['batch', 128])])).length, 128);
});

test('cancelling is heard', async () => {
  const match = got(matchData(await dataOf({ input_ids: ['i8', [6, 3]] }), [IDS]));
  assert.equal(codeOf(await readBatch(match, [0], { signal: AbortSignal.abort() })), 'cancelled');
});

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { withoutQuantization } from '../../src/format/packed/quantization-config';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';
import { bitStream, bytes, E2M1, e4m3, f32, sequence, writeModel, type Stored } from './packed-files';

const root = temporaryFolder();
const at = (list: readonly number[], index: number): number => list[index] ?? Number.NaN;

async function open(
  name: string,
  tensors: Readonly<Record<string, Stored>>,
  quantization?: object,
): Promise<Checkpoint> {
  const folder = writeModel(root, name, tensors);
  if (quantization) fs.writeFileSync(paths.join(folder, 'config.json'), JSON.stringify({ quantization }));
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

async function valuesOf({ tensors }: Checkpoint, name: string): Promise<[readonly number[], number[]]> {
  const span = tensors.find((entry) => entry.name === name)?.span;
  assert.equal(span?.dtype, 'F32');
  const read = await readSpan(span);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return [span.shape, [...new Float32Array(read.value.buffer, read.value.byteOffset, span.count)]];
}

/** Codes of every row as one stream of bits, in words. */
function packed(shape: readonly number[], codes: readonly number[], bits: number): Stored {
  const columns = shape.at(-1) ?? 0;
  const rows = Array.from({ length: codes.length / columns }, (_, row) =>
    bitStream(codes.slice(row * columns, (row + 1) * columns), bits),
  );
  const words = Uint32Array.from(rows.flat());
  return {
    dtype: 'U32',
    shape: [...shape.slice(0, -1), (columns * bits) / 32],
    data: new Uint8Array(words.buffer),
  };
}

/** A weight of some rows with groups of `size`, and its values: scale · code + bias. */
function affine(shape: readonly number[], bits: number, size: number) {
  const columns = shape.at(-1) ?? 0;
  const count = shape.reduce((product, length) => product * length, 1);
  const codes = sequence(count, 2 ** bits, bits);
  const scales = sequence(count / size, 31, 7).map((value) => (value - 15) / 64);
  const biases = sequence(count / size, 31, 9).map((value) => (value - 15) / 8);
  const groups = [...shape.slice(0, -1), columns / size];
  return {
    tensors: { weight: packed(shape, codes, bits), scales: f32(groups, scales), biases: f32(groups, biases) },
    values: codes.map((code, index) => {
      const group = Math.floor(index / size);
      return Math.fround(at(scales, group) * code + at(biases, group));
    }),
  };
}

function under(module: string, tensors: Readonly<Record<string, Stored>>): Record<string, Stored> {
  return Object.fromEntries(Object.entries(tensors).map(([part, stored]) => [`${module}.${part}`, stored]));
}

suite('Weights that MLX quantised', () => {
  for (const bits of [2, 3, 4, 5, 6, 8]) {
    test(`numbers of ${String(bits)} bits are scale · number + bias of their group`, async () => {
      const { tensors, values } = affine([3, 128], bits, 64);
      const model = await open(`b${String(bits)}`, under('m', tensors), { group_size: 64, bits });
      assert.deepEqual(
        model.tensors.map(({ name }) => name),
        ['m.weight'],
      );
      assert.deepEqual(await valuesOf(model, 'm.weight'), [[3, 128], values]);
      assert.match(model.findings[0]?.message ?? '', /stored as MLX \(MLX \d bit · 1×64\)/);
    });
  }

  test('a module may have bits and groups of its own, and experts stand in one tensor', async () => {
    const [one, other] = [affine([2, 64], 8, 32), affine([2, 3, 64], 4, 64)];
    const model = await open(
      'mixed',
      { ...under('a', one.tensors), ...under('mlp.experts', other.tensors) },
      { group_size: 64, bits: 4, mode: 'affine', a: { group_size: 32, bits: 8 } },
    );
    assert.deepEqual(await valuesOf(model, 'a.weight'), [[2, 64], one.values]);
    assert.deepEqual(await valuesOf(model, 'mlp.experts.weight'), [[2, 3, 64], other.values]);
  });

  test('without a configuration groups have the usual size of 64', async () => {
    const { tensors, values } = affine([2, 128], 3, 64);
    const model = await open('bare', under('m', tensors));
    assert.deepEqual(await valuesOf(model, 'm.weight'), [[2, 128], values]);
  });

  test('the modes of floating point are told apart by how many bytes share a scale', async () => {
    const codes = sequence(2 * 64, 16, 3);
    const bytesOf = (shape: readonly number[], data: readonly number[]): Stored => ({
      ...bytes('U32', shape, data),
    });
    const halves = Array.from({ length: 64 }, (_, i) => at(codes, 2 * i) | (at(codes, 2 * i + 1) << 4));
    const eights = sequence(2 * 64, 120, 5);
    const model = await open('floats', {
      'mx4.weight': bytesOf([2, 8], halves),
      'mx4.scales': bytes('U8', [2, 2], [127, 128, 126, 130]),
      'nv4.weight': bytesOf([2, 8], halves),
      'nv4.scales': bytes('U8', [2, 4], [0x38, 0x40, 0x30, 0x3c, 0x38, 0x40, 0x30, 0x3c]),
      'mx8.weight': bytesOf([2, 16], eights),
      'mx8.scales': bytes('U8', [2, 2], [127, 128, 126, 130]),
    });
    const powers = [1, 2, 0.5, 8];
    const four = (scaleOf: (index: number) => number) =>
      codes.map((code, index) => at(E2M1, code) * scaleOf(index));
    assert.deepEqual(await valuesOf(model, 'mx4.weight'), [
      [2, 64],
      four((index) => at(powers, Math.floor(index / 32))),
    ]);
    assert.deepEqual(await valuesOf(model, 'nv4.weight'), [
      [2, 64],
      four((index) => at([1, 2, 0.5, 1.5], Math.floor(index / 16) % 4)),
    ]);
    assert.deepEqual(await valuesOf(model, 'mx8.weight'), [
      [2, 64],
      eights.map((code, index) => e4m3(code) * at(powers, Math.floor(index / 32))),
    ]);
  });

  test('what does not fit stays as it is stored, with the reason', async () => {
    const { tensors } = affine([2, 64], 4, 64);
    const cases = {
      biases: { weight: tensors.weight, scales: tensors.scales },
      scales: { ...tensors, scales: f32([3, 1], [1, 2, 3]) },
      bits: { ...tensors, scales: f32([2, 3], [1, 2, 3, 4, 5, 6]), biases: f32([2, 3], [1, 2, 3, 4, 5, 6]) },
    };
    for (const [what, wrong] of Object.entries(cases)) {
      const model = await open(`wrong-${what}`, under('m', wrong));
      assert.equal(model.tensors.length, Object.keys(wrong).length);
      assert.deepEqual(
        model.findings.map(({ code }) => code),
        ['weights-packed-unread'],
      );
      assert.match(model.findings[0]?.message ?? '', new RegExp(what));
    }
  });

  test('a configuration without what it says of MLX has nothing of the kind left', async () => {
    const path = paths.join(root, 'config.json');
    fs.writeFileSync(
      path,
      JSON.stringify({ a: 1, quantization: { bits: 4 }, quantization_config: { bits: 4 } }),
    );
    assert.deepEqual(JSON.parse((await withoutQuantization(path)) ?? ''), { a: 1 });
  });
});

// Tiny models as llama.cpp's converter writes them, against the checkpoints that they were made of (test/fixtures/gguf/make_models.py).
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { decode } from '../../src/tensor/decode';
import { openWhole } from './gguf-files';

const FOLDER = paths.resolve(__dirname, '../fixtures/gguf');
const SHAPES = JSON.parse(fs.readFileSync(paths.join(FOLDER, 'models.json'), 'utf8')) as Record<
  string,
  Record<string, number[]>
>;

/** The numbers that a tensor of this name has in the checkpoint, as the script makes them. */
function valuesOf(name: string, count: number): number[] {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
    return ((x ^ (x >>> 13)) & 255) / 256 - 0.5;
  });
}

async function numbersOf(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const span = checkpoint.tensors.find((each) => each.name === name)?.span;
  assert.ok(span, name);
  const read = await readSpan(span);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return [...decode(span.dtype, read.value, span.count)];
}

suite('Models converted to GGUF', () => {
  for (const [model, shapes] of Object.entries(SHAPES)) {
    test(`${model}: names, shapes and values are those of the checkpoint`, async () => {
      const checkpoint = await openWhole(paths.join(FOLDER, 'models', `${model}.gguf`));
      const found = Object.fromEntries(checkpoint.tensors.map(({ name, span }) => [name, [...span.shape]]));
      assert.deepEqual(found, shapes);
      for (const [name, shape] of Object.entries(shapes)) {
        const values = await numbersOf(checkpoint, name);
        const expected = valuesOf(
          name,
          shape.reduce((product, length) => product * length, 1),
        );
        // Of −exp(A) in float32 the logarithm is A but for rounding; all else is exact.
        const most = name.endsWith('A_log') ? 1e-7 : 0;
        const wrong = values.findIndex(
          (value, i) => !(Math.abs(value - (expected[i] ?? Number.NaN)) <= most),
        );
        assert.equal(
          wrong,
          -1,
          `${name}[${String(wrong)}] is ${String(values[wrong])}, not ${String(expected[wrong])}`,
        );
      }
      assert.deepEqual(
        checkpoint.findings.map(({ code }) => code),
        ['gguf-names'],
      );
    });
  }
});

// Against files that gguf-py has written, and what it reads out of them (test/fixtures/gguf/make.py).
import assert from 'node:assert/strict';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { openAdapter } from '../../src/model/open-adapter';
import { BLOCK_FORMATS } from '../../src/tensor/stored/blocks/registry';
import { decode } from '../../src/tensor/decode';
import { readSpan } from '../../src/format/read';
import type { Checkpoint } from '../../src/format/checkpoint';
import { openWhole, valuesOf } from './gguf-files';

const FOLDER = paths.resolve(__dirname, '../fixtures/gguf');
const open = (name: string) => openWhole(paths.join(FOLDER, name));

/** Types that gguf-py cannot read: two that only activations have, and two of a later version. */
const UNKNOWN_THERE = ['Q8_1', 'Q8_K', 'Q1_0', 'Q2_0'];

async function numbersOf(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const span = checkpoint.tensors.find((each) => each.name === name)?.span;
  assert.ok(span, name);
  const read = await readSpan(span);
  assert.ok(read.ok);
  return Float32Array.from(decode(span.dtype, read.value, span.count));
}

async function assertSameBits(found: Checkpoint): Promise<void> {
  const reference = await open('types.safetensors');
  for (const { name, span } of found.tensors) {
    assert.deepEqual(span.shape, [1, 256], name);
    const [values, expected] = [await numbersOf(found, name), await valuesOf(reference, name)];
    const wrong = expected.findIndex((value, i) => !Object.is(value, values[i]));
    assert.equal(
      wrong,
      -1,
      `${name}[${String(wrong)}]: ${String(values[wrong])}, not ${String(expected[wrong])}`,
    );
  }
}

suite('GGUF files of gguf-py', () => {
  test('every type comes out bit for bit as gguf-py dequantises it', async () => {
    const checkpoint = await open('types.gguf');
    assert.deepEqual(checkpoint.findings, []);
    const types = checkpoint.tensors.map(({ name }) => name);
    const expected = [
      ...Object.keys(BLOCK_FORMATS).filter((name) => !UNKNOWN_THERE.includes(name)),
      'F32',
      'F16',
      'BF16',
    ];
    assert.deepEqual(types.toSorted(), expected.toSorted());
    await assertSameBits(checkpoint);
  });

  test('files that gguf-py has turned around to big-endian come out the same', async () => {
    const checkpoint = await open('types-big.gguf');
    assert.equal(checkpoint.tensors.length, 9);
    await assertSameBits(checkpoint);
  });

  test('metadata of every kind are read in both byte orders', async () => {
    for (const name of ['types.gguf', 'types-big.gguf']) {
      assert.deepEqual(
        { ...(await open(name)).metadata },
        {
          'general.architecture': 'toy',
          'a.u8': '255',
          'a.i8': '-128',
          'a.u16': '65535',
          'a.i16': '-32768',
          'a.u32': '4294967295',
          'a.i32': '-2147483648',
          'a.u64': '18446744073709551615',
          'a.i64': '-9223372036854775808',
          'a.f32': '0.1',
          'a.f64': '0.1',
          'a.bool': 'true',
          'a.text': 'Grüße, 世界',
          'a.strings': '["a", "b", "世"]',
          'a.numbers': '[1, -2, 3]',
          'a.halves': '[0.5, 0.25]',
          'a.many': '[0, 1, 2, 3, 4, 5, 6, 7, …] (100 i32)',
        },
      );
    }
  });

  test('a model that gguf-py has split is whole from any part', async () => {
    for (const part of [1, 2, 3]) {
      const checkpoint = await open(`split-0000${String(part)}-of-00003.gguf`);
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['t.0', 't.1', 't.2', 't.3', 't.4'],
      );
      assert.deepEqual([...(await valuesOf(checkpoint, 't.4'))], new Array(8).fill(4));
      assert.equal(checkpoint.metadata['general.name'], 'in parts');
      assert.deepEqual(checkpoint.findings, []);
    }
  });

  test('a control vector is one', async () => {
    const described = await openAdapter(await open('control.gguf'));
    assert.ok(described.ok && described.value);
    assert.equal(described.value.kind, 'control vector');
  });
});

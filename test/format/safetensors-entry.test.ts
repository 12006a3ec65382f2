import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryReader } from '../../src/format/safetensors-entry';

const read = (text: string) => new EntryReader(Buffer.from(text)).shortEntry();

test('an entry as libraries write it is read at once, with spaces or without', () => {
  const entries = [
    { dtype: 'BF16', shape: [4096, 128], data_offsets: [0, 1048576] },
    { dtype: 'F8_E4M3', shape: [], data_offsets: [7, 8] },
    { dtype: 'I64', shape: [1, 2, 3, 4, 5, 6, 7, 8], data_offsets: [123456789012345, 999999999999999] },
    { dtype: '?', shape: [0], data_offsets: [5, 5] },
  ];
  for (const { dtype, shape, data_offsets } of entries) {
    const text = JSON.stringify({ dtype, shape, data_offsets });
    const spaced = text.replace(/[:,]/g, '$& ');
    const [start, end] = data_offsets;
    for (const written of [text, spaced])
      assert.deepEqual(read(written), { dtype, shape, start, end }, written);
  }
});

test('what is written in another way is left to the strict reader, from where it begins', () => {
  for (const text of [
    '{"shape":[1],"dtype":"F32","data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}',
    '{"dtype":"F32","shape":[01],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1e3],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1],"data_offsets":[0]}',
    '{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}',
    '{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[1],"data_offsets":[0,1234567890123456]}',
    '{"dtype":"F\\u0033","shape":[1],"data_offsets":[0,4]}',
    '{"dtype":"F8_E4M3FNUZ","shape":[1],"data_offsets":[0,1]}',
    '{"dtype":"F32","shape":[1],"data_offsets":[0,4]',
    '{"dtype":"F32","shape":[1]  ,"data_offsets":[0,4]}',
    '{"dtype":32}',
    '{',
    '',
  ]) {
    const reader = new EntryReader(Buffer.from(text));
    assert.equal(reader.shortEntry(), null, text);
    assert.equal(reader.offset, 0, text);
  }
});

test('equal shapes are one list, and different ones never', () => {
  const reader = new EntryReader(
    Buffer.from('{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}'.repeat(2)),
  );
  assert.equal(reader.shortEntry()?.shape, reader.shortEntry()?.shape);
  const shapes = Array.from({ length: 12 }, (_, index) => [index % 7, index % 5]);
  const texts = shapes.map(
    (shape) => `{"dtype":"F32","shape":${JSON.stringify(shape)},"data_offsets":[0,1]}`,
  );
  const many = new EntryReader(Buffer.from(texts.join('')));
  assert.deepEqual(
    shapes.map(() => many.shortEntry()?.shape),
    shapes,
  );
});

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { safetensorsFile, temporaryFolder, writeSparse } from './files';

const GIGABYTE = 1e9;

/** Whether files here may have holes; some file systems would write every zero. */
function holesTakeNoRoom(folder: string): boolean {
  const path = paths.join(folder, 'hole');
  fs.closeSync(fs.openSync(path, 'w'));
  fs.truncateSync(path, 8 * 1024 * 1024);
  const { blocks } = fs.statSync(path);
  fs.rmSync(path);
  return blocks * 512 < 1024 * 1024;
}

test('a tensor beyond 4 GB is read from its exact place', async (context) => {
  const folder = temporaryFolder();
  if (!holesTakeNoRoom(folder)) {
    context.skip('no sparse files here');
    return;
  }
  const start = 5 * GIGABYTE + 2;
  const file = safetensorsFile({
    big: { dtype: 'BF16', shape: [start / 2], data_offsets: [0, start] },
    last: { dtype: 'I64', shape: [1], data_offsets: [start, start + 8] },
  });
  const path = paths.join(folder, 'model.safetensors');
  writeSparse(path, file, file.length + start + 8);
  const handle = fs.openSync(path, 'r+');
  fs.writeSync(handle, Buffer.from('12345678'), 0, 8, file.length + start);
  fs.closeSync(handle);
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  const [big, last] = opened.value.tensors;
  assert.equal(big?.span.count, start / 2);
  assert.ok(last);
  const read = await readSpan(last.span);
  assert.ok(read.ok);
  assert.equal(Buffer.from(read.value).toString(), '12345678');
  assert.ok(big);
  const whole = await readSpan({ ...big.span, bytes: 2 ** 43 });
  assert.equal(whole.ok ? '' : whole.problem.code, 'span-too-large');
});

test('a model of 100 shards and more than 100 GB opens by its headers alone', async (context) => {
  const folder = temporaryFolder();
  if (!holesTakeNoRoom(folder)) {
    context.skip('no sparse files here');
    return;
  }
  const weightMap: Record<string, string> = {};
  const perTensor = GIGABYTE / 8;
  for (let shard = 1; shard <= 100; shard++) {
    const name = `model-${String(shard).padStart(5, '0')}-of-00100.safetensors`;
    const names = Array.from(
      { length: 9 },
      (_, index) => `model.layers.${String(shard)}.part.${String(index)}.weight`,
    );
    const entries = names.map((tensor, index) => {
      weightMap[tensor] = name;
      return [
        tensor,
        { dtype: 'BF16', shape: [perTensor / 2], data_offsets: [index * perTensor, (index + 1) * perTensor] },
      ];
    });
    const file = safetensorsFile(Object.fromEntries(entries) as object);
    writeSparse(paths.join(folder, name), file, file.length + 9 * perTensor);
  }
  const index = { metadata: { total_size: 900 * perTensor }, weight_map: weightMap };
  fs.writeFileSync(paths.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  const { files, tensors, findings } = opened.value;
  assert.equal(files.length, 100);
  assert.ok(files.reduce((sum, file) => sum + file.bytes, 0) > 100 * GIGABYTE);
  assert.deepEqual(
    Object.fromEntries(tensors.map(({ name, span }) => [name, paths.basename(span.path)])),
    weightMap,
  );
  assert.deepEqual(findings, []);
});

test('a header of 200,000 tensors is read whole and exactly', async () => {
  const entries = Array.from({ length: 200_000 }, (_, index): [string, { data_offsets: number[] }] => [
    `model.layers.${String(index >> 4)}.mlp.experts.${String(index & 15)}.weight`,
    { dtype: 'F8_E4M3', shape: [1], data_offsets: [index, index + 1] } as { data_offsets: number[] },
  ]);
  const path = paths.join(temporaryFolder(), 'model.safetensors');
  const file = safetensorsFile(Object.fromEntries(entries), 200_000);
  fs.writeFileSync(path, file);
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok);
  const dataStart = file.length - 200_000;
  const { tensors } = opened.value;
  assert.equal(tensors.length, 200_000);
  assert.ok(
    tensors.every(
      ({ name, span }, index) => name === entries[index]?.[0] && span.offset === dataStart + index,
    ),
  );
});

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { TensorEntry } from '../../src/format/checkpoint';
import { copiedTensor, heldTensor, type OutputFile } from '../../src/format/output-file';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { safetensorsFile, safetensorsFiles } from '../../src/format/safetensors-writer';
import { success } from '../../src/protocol/result';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
const ZOO = paths.resolve(__dirname, '../../../shared/zoo');

async function bytesOf(file: OutputFile): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of file.pieces()) {
    assert.ok(piece.ok);
    parts.push(piece.value);
  }
  const all = Buffer.concat(parts);
  assert.equal(all.length, file.bytes);
  return all;
}

async function rewritten(path: string): Promise<Buffer> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok);
  const tensors = opened.value.tensors.map((entry) => copiedTensor(entry));
  const file = safetensorsFile('x.safetensors', tensors, opened.value.metadata, 'given');
  assert.ok(file.ok);
  return bytesOf(file.value);
}

const SAMPLES = ['vit-digits/base/model', 'charlm/base/model', 'charlm/lora/json-r8/adapter_model'];
for (const name of SAMPLES) {
  test(`${name} of the samples is written again byte by byte`, async () => {
    const path = paths.resolve('samples', `${name}.safetensors`);
    assert.deepEqual(await rewritten(path), fs.readFileSync(path));
  });
}

const zooFiles = fs.existsSync(ZOO)
  ? fs.readdirSync(ZOO, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.safetensors'))
  : [];
test('every safetensors file of the zoo is written again byte by byte', async (t) => {
  if (zooFiles.length === 0) return t.skip('the zoo is not here');
  for (const name of zooFiles) {
    const path = paths.join(ZOO, name);
    assert.ok((await rewritten(path)).equals(fs.readFileSync(path)), name);
  }
});

const two = (name: string, dtype: 'F32' | 'BF16' | 'I64', bytes: number) =>
  heldTensor(name, dtype, [2], new Uint8Array(2 * bytes).fill(name.length));

test('the library’s order puts wide elements first, and of the same type goes by name', async () => {
  const tensors = [two('b', 'BF16', 2), two('z', 'F32', 4), two('a', 'F32', 4), two('i', 'I64', 8)];
  const file = safetensorsFile('x.safetensors', tensors, {}, 'library');
  assert.ok(file.ok);
  const bytes = await bytesOf(file.value);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { data_offsets: number[] }
  >;
  assert.deepEqual(Object.keys(header), ['i', 'a', 'z', 'b']);
  assert.deepEqual(
    Object.values(header).map(({ data_offsets: [start] }) => start),
    [0, 16, 24, 32],
  );
  assert.equal(length % 8, 0);
});

test('names that are numbers stay where they are', async () => {
  const file = safetensorsFile('x.safetensors', [two('b', 'F32', 4), two('1', 'F32', 4)], {}, 'given');
  assert.ok(file.ok);
  const text = (await bytesOf(file.value)).toString('latin1');
  assert.ok(text.indexOf('"b"') < text.indexOf('"1"'));
});

test('two tensors of one name are refused', () => {
  const files = safetensorsFiles({
    stem: 'model', tensors: [two('a', 'F32', 4), two('a', 'F32', 4)], metadata: {}, order: 'given', mostShardBytes: null,
  }); // prettier-ignore
  assert.ok(!files.ok);
  assert.equal(files.problem.code, 'duplicate-tensor');
});

test('an element type that safetensors files cannot have is refused by name', () => {
  const wide = heldTensor('wide', 'C128', [1], new Uint8Array(16));
  const files = safetensorsFiles({
    stem: 'm', tensors: [wide], metadata: {}, order: 'given', mostShardBytes: null,
  }); // prettier-ignore
  assert.ok(!files.ok);
  assert.equal(files.problem.code, 'dtype-not-written');
  assert.match(files.problem.message, /"wide".*C128/);
});

test('shards with their index open as the same checkpoint', async () => {
  const path = paths.resolve('samples/vit-digits/base/model.safetensors');
  const whole = await openCheckpoint(path);
  assert.ok(whole.ok);
  const most = 200_000;
  const files = safetensorsFiles({
    stem: 'model',
    tensors: whole.value.tensors.map((entry) => copiedTensor(entry)),
    metadata: { format: 'pt' },
    order: 'given',
    mostShardBytes: most,
  });
  assert.ok(files.ok);
  const place = paths.join(folder, 'sharded');
  fs.mkdirSync(place);
  for (const file of files.value) fs.writeFileSync(paths.join(place, file.name), await bytesOf(file));
  const opened = await openCheckpoint(place);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  assert.deepEqual(opened.value.findings, []);
  assert.ok(opened.value.files.length >= 5);
  assert.ok(opened.value.files.every(({ bytes }) => bytes < most + 20_000));
  for (const { name, span } of whole.value.tensors) {
    const again: TensorEntry | undefined = opened.value.tensors.find((each) => each.name === name);
    assert.ok(again);
    assert.deepEqual(await readSpan(again.span), await readSpan(span));
  }
});

test('a tensor computed in pieces is written as they come', async () => {
  const pieces = async function* () {
    for (const value of [1, 2])
      yield await Promise.resolve(success(new Uint8Array(new Float32Array([value]).buffer)));
  };
  const file = safetensorsFile(
    'x.safetensors',
    [{ name: 't', dtype: 'F32', shape: [2], pieces }],
    {},
    'given',
  );
  assert.ok(file.ok);
  const bytes = await bytesOf(file.value);
  assert.deepEqual([bytes.readFloatLE(bytes.length - 8), bytes.readFloatLE(bytes.length - 4)], [1, 2]);
});

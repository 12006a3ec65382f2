import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder } from './files';
import { floats, global, pickle, pickled, torchZipFile, type Plain } from './torch-files';

const op = (code: string) => Buffer.from(code, 'latin1');

/** An object of a class with these fields. */
function object(module: string, name: string, fields: readonly (readonly [string, Plain])[]): Plain {
  return { raw: Buffer.concat([global(module, name), op(')\x81'), pickled({ dict: fields }), op('b')]) };
}

function size(...lengths: readonly number[]): Plain {
  return { raw: Buffer.concat([global('torch', 'Size'), op('(('), ...lengths.map(pickled), op('ttR')]) };
}

function list(items: readonly Plain[]): Plain {
  return { raw: Buffer.concat([op(']('), ...items.map(pickled), op('e')]) };
}

interface Part {
  readonly from: readonly number[];
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly file?: string;
}

const CHECKPOINT = 'torch.distributed.checkpoint';

/** A folder as `torch.distributed.checkpoint` writes it: each part is a file of `torch.save`, one after the other. */
function distributed(
  tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly parts: readonly Part[] }>>,
): string {
  const folder = temporaryFolder();
  const files = new Map<string, Buffer>();
  const state: Buffer[] = [];
  const storage: Buffer[] = [];
  for (const [name, { shape, parts }] of Object.entries(tensors)) {
    const chunks = parts.map(({ from, shape: lengths }) =>
      object(`${CHECKPOINT}.metadata`, 'ChunkStorageMetadata', [
        ['offsets', size(...from)],
        ['sizes', size(...lengths)],
      ]),
    );
    const described = object(`${CHECKPOINT}.metadata`, 'TensorStorageMetadata', [
      ['size', size(...shape)],
      ['chunks', list(chunks)],
    ]);
    state.push(pickled(name), pickled(described));
    for (const { from, shape: lengths, values, file = '__0_0.distcp' } of parts) {
      const stride = lengths.map((_, axis) => lengths.slice(axis + 1).reduce((a, b) => a * b, 1));
      const saved = torchZipFile(
        { key: '0', storage: 'FloatStorage', elements: values.length, shape: lengths, stride },
        { 0: floats(...values) },
      );
      const before = files.get(file) ?? Buffer.alloc(0);
      files.set(file, Buffer.concat([before, saved]));
      const index = object(`${CHECKPOINT}.metadata`, 'MetadataIndex', [
        ['fqn', name],
        ['offset', size(...from)],
        ['index', 0],
      ]);
      const info = object(`${CHECKPOINT}.filesystem`, '_StorageInfo', [
        ['relative_path', file],
        ['offset', before.length],
        ['length', saved.length],
      ]);
      storage.push(pickled(index), pickled(info));
    }
  }
  const dict = (items: readonly Buffer[]): Plain => ({ raw: Buffer.concat([op('}('), ...items, op('u')]) });
  const metadata = object(`${CHECKPOINT}.metadata`, 'Metadata', [
    ['state_dict_metadata', dict(state)],
    ['planner_data', null],
    ['storage_data', dict(storage)],
  ]);
  fs.writeFileSync(paths.join(folder, '.metadata'), pickle(metadata));
  for (const [name, bytes] of files) {
    if (!name.includes('/')) fs.writeFileSync(paths.join(folder, name), bytes);
  }
  return folder;
}

const WHOLE = { shape: [3], parts: [{ from: [0], shape: [3], values: [7, 8, 9] }] };
const ROWS = {
  shape: [3, 2],
  parts: [
    { from: [0, 0], shape: [2, 2], values: [1, 2, 3, 4] },
    { from: [2, 0], shape: [1, 2], values: [5, 6], file: '__1_0.distcp' },
  ],
};

test('tensors come together from their parts in several files', async () => {
  const folder = distributed({ whole: WHOLE, rows: ROWS });
  for (const path of [folder, paths.join(folder, '.metadata'), paths.join(folder, '__1_0.distcp')]) {
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.container, 'PyTorch (distributed)');
    const values: Record<string, number[]> = {};
    for (const { name, span } of opened.value.tensors) {
      const bytes = await readSpan(span);
      assert.ok(bytes.ok);
      values[name] = [...decode(span.dtype, bytes.value, span.count)];
    }
    assert.deepEqual(values, { whole: [7, 8, 9], rows: [1, 2, 3, 4, 5, 6] });
    assert.deepEqual(opened.value.findings, []);
  }
});

test('a tensor with a part too few is left out, and said', async () => {
  const folder = distributed({ whole: WHOLE, rows: { ...ROWS, parts: ROWS.parts.slice(0, 1) } });
  const opened = await openCheckpoint(folder);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tensors.map(({ name }) => name),
    ['whole'],
  );
  assert.deepEqual(
    opened.value.findings.map(({ code, at }) => [code, at]),
    [['tensor-parts', 'rows']],
  );
});

test('files that are missing, torn, or outside of the folder are refused', async () => {
  const codeOf = async (folder: string) => {
    const opened = await openCheckpoint(folder);
    return opened.ok ? '' : opened.problem.code;
  };
  const missing = distributed({ rows: ROWS });
  fs.rmSync(paths.join(missing, '__1_0.distcp'));
  assert.equal(await codeOf(missing), 'shard-missing');
  const torn = distributed({ rows: ROWS });
  fs.truncateSync(paths.join(torn, '__1_0.distcp'), 300);
  assert.equal(await codeOf(torn), 'file-truncated');
  const outside = distributed({
    whole: WHOLE,
    rows: { ...ROWS, parts: ROWS.parts.map((part) => ({ ...part, file: '../__1_0.distcp' })) },
  });
  assert.equal(await codeOf(outside), 'shard-outside-folder');
});

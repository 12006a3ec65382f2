import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { shardOf } from '../../src/format/safetensors-sharded';
import { BITS, type HeaderEntry } from './files';

const ROOT = paths.resolve(__dirname, '../..');
const SAMPLES = paths.join(ROOT, 'samples');
const REAL = paths.resolve(ROOT, '../shared/realdata');
const SHARDED = paths.resolve(ROOT, '../shared/zoo/charlm/formats/json-sharded');

/** Everything below a folder that is named like a safetensors file. */
function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => paths.join(folder, name));
}

async function openWhole(path: string): Promise<Checkpoint> {
  const opened = await openCheckpoint(path);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

/** What `JSON.parse` makes of a file's header. */
function parsedHeader(path: string): { header: Record<string, HeaderEntry>; dataStart: number } {
  const file = fs.readFileSync(path);
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  return {
    header: JSON.parse(file.toString('utf8', 8, dataStart)) as Record<string, HeaderEntry>,
    dataStart,
  };
}

function agreesWithJson(checkpoint: Checkpoint, path: string): void {
  const { header, dataStart } = parsedHeader(path);
  const { __metadata__: metadata, ...entries } = header;
  // mlx-lm writes null.
  assert.deepEqual({ ...checkpoint.metadata }, metadata ?? {});
  assert.equal(checkpoint.tensors.length, Object.keys(entries).length);
  for (const { name, span } of checkpoint.tensors) {
    const entry = entries[name];
    assert.ok(entry);
    const [start, end] = entry.data_offsets;
    assert.deepEqual(
      [span.dtype, span.shape, span.offset, span.bytes],
      [entry.dtype, entry.shape, dataStart + start, end - start],
    );
    assert.equal(span.count * (BITS[span.dtype] ?? 0), 8 * span.bytes);
  }
}

for (const path of filesBelow(SAMPLES)) {
  test(`${paths.relative(ROOT, path)} reads as its header says, and so does its folder`, async () => {
    const file = await openWhole(path);
    agreesWithJson(file, path);
    assert.deepEqual(file.findings, []);
    const folder = await openWhole(paths.dirname(path));
    assert.deepEqual(folder.tensors, file.tensors);
    assert.equal(folder.fingerprint, file.fingerprint);
  });
}

interface Source {
  readonly file: string;
  readonly contents: string;
}

function sources(): Source[] {
  const [head = '', ...rows] = fs.readFileSync(paths.join(REAL, 'SOURCES.tsv'), 'utf8').split('\n');
  const columns = head.split('\t');
  return rows
    .map((row) => row.split('\t'))
    .map((cells) => ({
      file: cells[columns.indexOf('file')] ?? '',
      contents: cells[columns.indexOf('contents')] ?? '',
    }))
    .filter(({ file }) => file.endsWith('.safetensors'));
}

if (!fs.existsSync(REAL))
  test('files from many projects are read', { skip: 'no collection of real files here' }, () => undefined);
else {
  for (const { file, contents } of sources()) {
    const path = paths.join(REAL, file);
    const described = /^safetensors: (\d+) tensors, ([\d,]+) params/.exec(contents);
    if (!described) {
      test(`${file} is refused, since its header is longer than the file`, async () => {
        const opened = await openCheckpoint(path);
        assert.ok(!opened.ok);
        assert.equal(opened.problem.code, 'header-beyond-file');
      });
      continue;
    }
    test(`${file} has the tensors and parameters that others count in it`, async () => {
      const checkpoint = await openWhole(path);
      agreesWithJson(checkpoint, path);
      const parameters = checkpoint.tensors.reduce((sum, { span }) => sum + span.count, 0);
      assert.equal(checkpoint.tensors.length, Number(described[1]));
      assert.equal(parameters, Number(described[2]?.replaceAll(',', '')));
    });
  }
}

const skip = fs.existsSync(SHARDED) ? false : 'no sharded model here';
test(
  'a sharded model has the same tensors, byte for byte, as the same model in one file',
  { skip },
  async () => {
    const sharded = await openWhole(SHARDED);
    const whole = await openWhole(paths.join(SAMPLES, 'charlm/json'));
    assert.equal(sharded.container, 'safetensors (sharded)');
    assert.equal(sharded.files.length, 3);
    const byName = new Map(sharded.tensors.map((tensor) => [tensor.name, tensor.span]));
    assert.equal(byName.size, whole.tensors.length);
    for (const { name, span } of whole.tensors) {
      const other = byName.get(name);
      assert.ok(other, name);
      assert.deepEqual([other.dtype, other.shape], [span.dtype, span.shape]);
      const [one, two] = await Promise.all([readSpan(span), readSpan(other)]);
      assert.ok(one.ok && two.ok);
      assert.ok(Buffer.from(one.value).equals(two.value), name);
    }
    const shard = await shardOf(sharded.files[1]?.path ?? '');
    assert.deepEqual(shard, { indexPath: paths.join(SHARDED, 'model.safetensors.index.json'), shards: 3 });
  },
);

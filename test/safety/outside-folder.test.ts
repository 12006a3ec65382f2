// A name in a file leads nowhere but into the folder of that file: CVE-2022-25882, CVE-2024-27318, CVE-2026-27489,
// CVE-2026-34447, GHSA-cmw6-hcpp-c6jp (external data of ONNX), and the same tricks in an index of shards.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { readModel } from '../../src/format/onnx/read-model';
import { WireWriter } from '../../src/graph/onnx/wire-writer';
import { temporaryFolder, vectors, writeFiles } from '../format/files';

const VALUES = Buffer.alloc(64, 7);
const posix = process.platform === 'win32' ? 'symbolic links want rights on Windows' : false;

/** A model with one tensor of 16 bytes in the file `location`. */
function modelWith(location: string): Buffer {
  const entry = (key: string, text: string) => new WireWriter().content(1, key).content(2, text);
  const tensor = new WireWriter()
    .integers(1, [4])
    .integer(2, 1)
    .content(8, 'w')
    .content(13, entry('location', location))
    .content(13, entry('length', '16'))
    .integer(14, 1);
  const graph = new WireWriter().content(2, 'g').content(5, tensor);
  const opset = new WireWriter().content(1, '').integer(2, 18);
  return Buffer.from(new WireWriter().integer(1, 8).content(7, graph).content(8, opset).finish());
}

/** A folder `model` beside a file and a folder that are not meant for it. */
function surroundings(): string {
  return writeFiles(temporaryFolder(), {
    'secret.bin': VALUES,
    'other/secret.bin': VALUES,
    'model/values.bin': VALUES,
    'model/sub/values.bin': VALUES,
  });
}

async function opens(root: string, location: string): Promise<string> {
  const path = paths.join(root, 'model/m.onnx');
  fs.writeFileSync(path, modelWith(location));
  const model = await readModel(path);
  return model.ok ? 'opened' : `${model.problem.code}: ${model.problem.message}`;
}

test('external data of a graph outside of its folder is refused by its name', async () => {
  const root = surroundings();
  assert.equal(await opens(root, 'values.bin'), 'opened');
  const names = [
    '../secret.bin',
    'sub/../../secret.bin',
    './../secret.bin',
    '..\\secret.bin',
    paths.join(root, 'secret.bin'),
    `file://${root}/secret.bin`,
    'C:\\secret.bin',
    'sub/values.bin',
    '..',
    '.',
    '',
    'values.bin\0.txt',
    '/dev/zero',
  ];
  for (const name of names) assert.match(await opens(root, name), /^graph-external-data: /, name);
});

test(
  'external data behind a symbolic link out of the folder is refused, be it the file or a folder above',
  { skip: posix },
  async () => {
    const root = surroundings();
    fs.symlinkSync('../secret.bin', paths.join(root, 'model/link.bin'));
    assert.match(await opens(root, 'link.bin'), /^graph-external-data: .*out of the folder/);
    fs.symlinkSync(paths.join(root, 'other'), paths.join(root, 'model/away'));
    assert.match(await opens(root, 'away/secret.bin'), /^graph-external-data: /);
    fs.symlinkSync('loop.bin', paths.join(root, 'model/loop.bin'));
    assert.match(await opens(root, 'loop.bin'), /^graph-external-data: /);
  },
);

test(
  'external data that has a second name elsewhere, as a hard link, is refused',
  { skip: posix },
  async () => {
    const root = surroundings();
    fs.linkSync(paths.join(root, 'secret.bin'), paths.join(root, 'model/hard.bin'));
    assert.match(await opens(root, 'hard.bin'), /^graph-external-data: .*hard link/);
  },
);

test('an index of shards leads to no file outside of its folder', async () => {
  const root = writeFiles(temporaryFolder(), {
    'secret.safetensors': vectors(['a']),
    'model/in.safetensors': vectors(['a']),
  });
  const index = paths.join(root, 'model/model.safetensors.index.json');
  const open = async (shard: string) => {
    fs.writeFileSync(index, JSON.stringify({ weight_map: { a: shard } }));
    const opened = await openCheckpoint(index);
    return opened.ok ? 'opened' : opened.problem.code;
  };
  assert.equal(await open('in.safetensors'), 'opened');
  const names = [
    '../secret.safetensors',
    'x/../../secret.safetensors',
    '..\\secret.safetensors',
    paths.join(root, 'secret.safetensors'),
    `file://${root}/secret.safetensors`,
    'https://example.com/a.safetensors',
    'in.safetensors\n',
    '',
  ];
  if (posix === false) {
    fs.symlinkSync('../secret.safetensors', paths.join(root, 'model/link.safetensors'));
    names.push('link.safetensors');
  }
  for (const name of names) assert.equal(await open(name), 'shard-outside-folder', name);
});

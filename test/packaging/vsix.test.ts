import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../../scripts/run.mjs';
import { currentTarget, TARGETS, vsixFile } from '../../scripts/vsix.mjs';
import { unzip, zipEntries } from './zip';

const MEBIBYTE = 2 ** 20;
const archive = fs.readFileSync(vsixFile());
const names = zipEntries(archive)
  .map((entry) => entry.name)
  .filter((name) => name.startsWith('extension/'))
  .map((name) => name.slice('extension/'.length));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vsix-'));
const extension = path.join(folder, 'extension');

before(() => unzip(archive, folder));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs Node.js in the unpacked extension and gives what it prints. */
function runUnpacked(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: extension, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('every bundle that the build makes is in the package, and nothing else of dist', () => {
  const bundles = names.filter((name) => name.startsWith('dist/')).sort();
  const expected = [
    'cli',
    'compute',
    'extension',
    'language-client',
    'product-thread',
    'server',
    'tensor-worker',
  ].map((name) => `dist/${name}.js`);
  const pages = ['checkpoint.css', 'checkpoint.js', 'codicon.css', 'codicon.ttf', 'result.css', 'result.js'];
  const others = [
    'dist/tensor-blocks.wasm',
    'dist/tensor-packed.wasm',
    'dist/tensor-kernels-fused.wasm',
    'dist/tensor-kernels.wasm',
    'dist/tensor-linear-fused.wasm',
    'dist/tensor-linear.wasm',
    'dist/third-party-notices.txt',
  ];
  const all = [...expected, ...others, ...pages.map((name) => `dist/webview/${name}`)];
  assert.deepEqual(bundles, all.sort());
});

test('sources, tests, samples and tools stay out of the package', () => {
  const known =
    /^(package(\.nls)?\.json|readme\.md|changelog\.md|LICENSE(\.txt)?|(dist|media|syntaxes|node_modules\/onnxruntime-(node|common))\/.*)$/i;
  assert.deepEqual(
    names.filter((name) => !known.test(name)),
    [],
  );
  assert.deepEqual(
    names.filter((name) => /\.(ts|map|safetensors)$/.test(name)),
    [],
  );
});

test('every file that the manifest names is in the package', () => {
  const manifest = fs.readFileSync(path.join(root, 'package.json'), 'utf8');
  const named = [...manifest.matchAll(/"(?:\.\/)?((?:media|syntaxes|dist)\/[^"]+)"/g)].map(
    ([, file]) => file,
  );
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((file) => file !== undefined && !names.includes(file)),
    [],
  );
});

test('onnxruntime has the binaries of this platform and of no other', () => {
  const binaries = names.filter((name) => name.startsWith('node_modules/onnxruntime-node/bin/'));
  const ours = `node_modules/onnxruntime-node/bin/napi-v6/${TARGETS[currentTarget as keyof typeof TARGETS]}/`;
  assert.ok(binaries.some((name) => name.endsWith('onnxruntime_binding.node')));
  assert.deepEqual(
    binaries.filter((name) => !name.startsWith(ours)),
    [],
  );
});

test('the licences of what is bundled come along', () => {
  const notices = fs.readFileSync(path.join(extension, 'dist/third-party-notices.txt'), 'utf8');
  for (const name of ['d3-scale', 'yaml', 'jsonc-parser', 'vscode-languageclient', 'onnxruntime-node']) {
    assert.match(notices, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((MIT|ISC)\\)$`, 'm'));
  }
  assert.match(notices, /Permission to use, copy, modify, and\/or distribute/);
  assert.doesNotMatch(notices, /^@huggingface\/xetchunk-wasm/m, 'WebAssembly for uploads to Xet is left out');
});

test('the package says which platform it is for', () => {
  const manifest = fs.readFileSync(path.join(folder, 'extension.vsixmanifest'), 'utf8');
  assert.match(manifest, new RegExp(`TargetPlatform="${currentTarget}"`));
});

test('the package stays below 25 MiB', () => {
  assert.ok(archive.length < 25 * MEBIBYTE, `${archive.length} bytes`);
});

test('the command line runs from the unpacked package', () => {
  const formats = JSON.parse(runUnpacked(['dist/cli.js', 'formats', '--json'])) as readonly { id: string }[];
  assert.ok(formats.some((format) => format.id === 'safetensors'));
});

test('the command line streams a checkpoint through the packaged worker', () => {
  const base = path.join(root, 'samples/vit-digits/base');
  const tuned = path.join(root, 'samples/vit-digits/rot90');
  const output = runUnpacked([
    'dist/cli.js',
    'lens',
    'delta-profile',
    '--base',
    base,
    `rot90=${tuned}`,
    '--json',
  ]);
  const result = JSON.parse(output) as { artifacts: readonly { id: string; rows?: readonly unknown[] }[] };
  const tensors = result.artifacts.find((artifact) => artifact.id === 'tensors');
  assert.ok((tensors?.rows?.length ?? 0) > 10);
});

test('onnxruntime runs a model from the unpacked package', () => {
  // The ONNX bytes of `y = Add(x, x)` over float[2] (field numbers of onnx.proto3).
  const program = `
    const { InferenceSession, Tensor } = require('onnxruntime-node');
    const bytes = (text) => [...Buffer.from(text, 'latin1')];
    const field = (id, content) => [(id << 3) | 2, content.length, ...content];
    const number = (id, value) => [id << 3, value];
    const shape = field(2, field(1, number(1, 2)));
    const value = (name) => [...field(1, bytes(name)), ...field(2, field(1, [...number(1, 1), ...shape]))];
    const node = [...field(1, bytes('x')), ...field(1, bytes('x')), ...field(2, bytes('y')), ...field(4, bytes('Add'))];
    const graph = [...field(1, node), ...field(2, bytes('g')), ...field(11, value('x')), ...field(12, value('y'))];
    const model = Uint8Array.from([...number(1, 8), ...field(7, graph), ...field(8, number(2, 13))]);
    InferenceSession.create(model)
      .then((session) => session.run({ x: new Tensor('float32', [1.5, -2], [2]) }))
      .then(({ y }) => console.log(JSON.stringify([...y.data])));`;
  assert.deepEqual(JSON.parse(runUnpacked(['-e', program])), [3, -4]);
});

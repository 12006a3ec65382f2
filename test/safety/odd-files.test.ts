// What is no ordinary file: pipes, devices, sockets, links in a circle. Nothing waits for them, and nothing follows them for ever.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { readModel } from '../../src/format/onnx/read-model';
import { temporaryFolder, vectors, writeFiles } from '../format/files';

const skip = process.platform === 'win32' ? 'Windows has no such files' : false;

async function codeOf(path: string): Promise<string> {
  const opened = await openCheckpoint(path);
  return opened.ok ? 'opened' : opened.problem.code;
}

test('a pipe, a device and a socket are refused without being opened', { skip }, async () => {
  const folder = temporaryFolder();
  const pipe = paths.join(folder, 'pipe.safetensors');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const socket = paths.join(folder, 'socket.pt');
  const server = net.createServer().listen(socket);
  await new Promise((resolve) => server.once('listening', resolve));
  for (const path of [pipe, socket, '/dev/zero', '/dev/tty']) {
    if (fs.existsSync(path)) assert.equal(await codeOf(path), 'not-a-file', path);
  }
  assert.equal(await codeOf(paths.join(folder, 'a\0b.pt')), 'file-missing');
  const graph = await readModel(pipe);
  assert.equal(graph.ok ? 'opened' : graph.problem.code, 'not-a-file');
  server.close();
});

test('a shard that is a pipe makes no index wait', { skip }, async () => {
  const folder = temporaryFolder();
  assert.equal(spawnSync('mkfifo', [paths.join(folder, 'a.safetensors')]).status, 0);
  writeFiles(folder, {
    'model.safetensors.index.json': JSON.stringify({ weight_map: { a: 'a.safetensors' } }),
  });
  assert.equal(await codeOf(paths.join(folder, 'model.safetensors.index.json')), 'not-a-file');
});

test(
  'links in a circle are a missing or unreadable file, and a folder that holds itself opens as a folder',
  { skip },
  async () => {
    const folder = writeFiles(temporaryFolder(), { 'model.safetensors': vectors(['a']) });
    fs.symlinkSync('two.safetensors', paths.join(folder, 'one.safetensors'));
    fs.symlinkSync('one.safetensors', paths.join(folder, 'two.safetensors'));
    const opened = await openCheckpoint(paths.join(folder, 'one.safetensors'));
    assert.ok(!opened.ok);
    assert.equal(opened.problem.code, 'link-loop');
    fs.symlinkSync('.', paths.join(folder, 'self'));
    assert.equal(await codeOf(paths.join(folder, 'self/self/self')), 'opened');
  },
);

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from './files';

const folder = temporaryFolder();

const FOREIGN: readonly (readonly [
  what: string,
  name: string,
  bytes: Buffer | string,
  code: string,
  says: RegExp,
])[] = [
  [
    'a Git LFS pointer',
    'model.safetensors',
    'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n',
    'git-lfs-pointer',
    /pointer/,
  ],
  [
    'a web page',
    'model.safetensors',
    '\n<!DOCTYPE html><html><body>404</body></html>',
    'web-page',
    /web page/,
  ],
  [
    'an XML error',
    'model.safetensors',
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    'web-page',
    /web page/,
  ],
  ['a JSON error', 'model.safetensors', '{"error":"Repository not found"}', 'web-page', /JSON/],
  [
    'a torn zip checkpoint',
    'pytorch_model.bin',
    Buffer.from('PK\x03\x04\x00\x00\x08\x08rest of it'),
    'zip-malformed',
    /no zip directory at its end/,
  ],
  ['a pickle', 'pytorch_model.bin', Buffer.from('\x80\x02}q\x00.', 'latin1'), 'format-unsupported', /pickle/],
  ['other JSON', 'config.json', '{"model_type": "gpt2"}', 'not-a-checkpoint', /nothing/],
  ['plain text', 'notes.txt', 'some notes about training', 'not-a-checkpoint', /nothing/],
  [
    'text under the name of a checkpoint',
    'model.safetensors',
    'some notes about training',
    'header-too-large',
    /claims/,
  ],
];

for (const [what, name, bytes, code, says] of FOREIGN) {
  test(`${what} (${name}) is refused with ${code}`, async () => {
    const path = paths.join(folder, name);
    fs.writeFileSync(path, bytes);
    const opened = await openCheckpoint(path);
    assert.ok(!opened.ok);
    assert.equal(opened.problem.code, code);
    assert.equal(opened.problem.path, path);
    assert.match(opened.problem.message, says);
  });
}

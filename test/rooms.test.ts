import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ESLint, Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { ROOMS } from '../scripts/rooms.mjs';

const root = path.resolve(import.meta.dirname, '..');
const eslint = new ESLint({ cwd: root });

/** Messages of the import rule, as the repository's own configuration sets it for this file, on one line of code. */
async function complaints(file: string, code: string): Promise<readonly string[]> {
  const config = (await eslint.calculateConfigForFile(path.join(root, file))) as Linter.Config;
  const rule = config.rules?.['no-restricted-imports'];
  assert.ok(rule, `${file} has no import rule`);
  const messages = new Linter().verify(
    code,
    [
      {
        files: ['**/*.ts'],
        languageOptions: { parser: tseslint.parser },
        rules: { 'no-restricted-imports': rule },
      },
    ],
    file,
  );
  return messages.map((message) => message.message);
}

function importOf(room: string): string {
  return room === 'webview' ? '../../webview/result/main' : `../${room}/anything`;
}

function fileIn(room: string): string {
  return room === 'webview' ? 'webview/result/anything.ts' : `src/${room}/anything.ts`;
}

test('every folder of src is a room in the table, and so is webview', () => {
  const folders = fs
    .readdirSync(path.join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  assert.deepEqual(
    folders.filter((folder) => !(folder in ROOMS)),
    [],
  );
  assert.ok('webview' in ROOMS);
});

test('the table has no cycle: every room can be entered after the rooms it imports', () => {
  const entered = new Set<string>();
  const waiting = new Map<string, readonly string[]>(Object.entries(ROOMS));
  while (waiting.size > 0) {
    const next = [...waiting].filter(([, allowed]) => allowed.every((other) => entered.has(other)));
    assert.ok(next.length > 0, `these rooms import each other: ${[...waiting.keys()].join(', ')}`);
    for (const [room] of next) {
      entered.add(room);
      waiting.delete(room);
    }
  }
});

for (const [room, allowed] of Object.entries<readonly string[]>(ROOMS)) {
  test(`${room} may import what the table allows it, and nothing else of ours`, async () => {
    for (const other of Object.keys(ROOMS).filter((name) => name !== room)) {
      const messages = await complaints(fileIn(room), `import { x } from '${importOf(other)}';\nx();`);
      const expected = allowed.includes(other) ? 0 : 1;
      assert.equal(messages.length > 0 ? 1 : 0, expected, `${room} importing ${other}: ${messages.join()}`);
    }
  });
}

test('a webview reaches src by its own path, and the same rule holds there', async () => {
  const format = await complaints(
    'webview/result/main.ts',
    `import { x } from '../../src/format/read';\nx();`,
  );
  const protocol = await complaints(
    'webview/result/main.ts',
    `import { x } from '../../src/protocol/result';\nx();`,
  );
  assert.equal(format.length, 1);
  assert.equal(protocol.length, 0);
});

test('only the extension imports vscode', async () => {
  for (const room of Object.keys(ROOMS)) {
    const messages = await complaints(fileIn(room), `import * as vscode from 'vscode';\nvscode.x();`);
    assert.equal(messages.length > 0, room !== 'extension', room);
  }
});

test('a lens touches no file, and neither protocol, figure nor a webview touches Node.js', async () => {
  for (const room of ['lens', 'merge', 'protocol', 'figure', 'webview']) {
    const messages = await complaints(fileIn(room), `import fs from 'node:fs';\nfs.x();`);
    assert.ok(messages.length > 0, room);
  }
  assert.deepEqual(await complaints(fileIn('format'), `import fs from 'node:fs';\nfs.x();`), []);
});

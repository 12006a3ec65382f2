import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { copiedNames, rootName, uriPathOf } from '../../../src/extension/copies/copied-path';

test('a path keeps its names where every system takes them', () => {
  assert.deepEqual(copiedNames('/models/tiny llama/model-00001-of-00002.safetensors'), [
    'models',
    'tiny llama',
    'model-00001-of-00002.safetensors',
  ]);
});

test('no name leads elsewhere or is refused by a system, and every path comes back', () => {
  const names = fc.array(
    fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('/')),
      fc.constantFrom('..', '.', 'CON', 'nul.safetensors', 'a:b', 'ends.', 'ends ', '%2E%2E', 'a\\b', '*'),
    ),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(names, (given) => {
      const path = `/${given.join('/')}`;
      const copied = copiedNames(path);
      assert.equal(copied.length, given.length);
      for (const name of copied) {
        assert.doesNotMatch(name, /[\\/:*?"<>|]|[. ]$|^(?:con|nul)(?:\.|$)/i);
        assert.ok(name !== '' && name !== '.' && name !== '..');
      }
      assert.equal(uriPathOf(copied), path);
    }),
  );
});

test('file systems that differ in anything but the path have folders of their own', () => {
  const origins = [
    { scheme: 'vscode-vfs', authority: 'github', query: '' },
    { scheme: 'vscode-vfs', authority: 'azurerepos', query: '' },
    { scheme: 'git', authority: 'github', query: '' },
    { scheme: 'vscode-vfs', authority: 'github', query: 'ref=main' },
  ];
  assert.equal(new Set(origins.map(rootName)).size, origins.length);
});

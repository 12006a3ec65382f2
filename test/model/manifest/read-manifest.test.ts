import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { manifestText } from '../../../src/model/manifest/manifest-text';
import { ManifestOutline } from '../../../src/model/manifest/read-manifest';
import { transformerRows, viewOf, type TensorRow } from './view';

test('every tensor is found on its line, whatever its name', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 30 }), (names) => {
      const text = manifestText(viewOf(names.map((name): TensorRow => [name, 'F32', [2, 3]])));
      const outline = new ManifestOutline(text);
      for (const name of names) {
        const line = outline.lineOf(name);
        assert.ok(line !== undefined, JSON.stringify(name));
        assert.equal(outline.tensorAt(line)?.name, name);
      }
    }),
    { numRuns: 60 },
  );
});

test('sections run from their titles to their last tensors', () => {
  const text = manifestText(viewOf(transformerRows(2)));
  const lines = text.split('\n');
  const { sections, headerLines } = new ManifestOutline(text);
  assert.deepEqual(
    sections.map(({ title }) => title),
    ['input', 'model.layers.0', 'model.layers.1', 'output'],
  );
  for (const { title, line, first, last } of sections) {
    assert.equal(lines[line], `[${title}]`);
    assert.equal(first, line + 1);
    assert.notEqual(lines[last], '');
    assert.equal(lines[last + 1], '');
  }
  assert.equal(lines[headerLines], '[input]');
});

test('files of the header are read with their places', () => {
  const files = [
    { path: '/models/base/a.safetensors', bytes: 1 },
    { path: '/models/base/two words.safetensors', bytes: 1 },
  ];
  const text = manifestText(viewOf(transformerRows(1), { files }));
  const lines = text.split('\n');
  const read = new ManifestOutline(text).files;
  assert.deepEqual(
    read.map(({ name }) => name),
    ['a.safetensors', 'two words.safetensors'],
  );
  const shown = read.map(({ line, start, end }) => lines[line]?.slice(start, end));
  assert.deepEqual(shown, ['a.safetensors', '"two words.safetensors"']);
});

test('a text that is no manifest has neither sections nor tensors', () => {
  for (const text of ['', '\n', 'import torch\n', '# checkpoint manifest: x\n#\n# It is gone.\n']) {
    const outline = new ManifestOutline(text);
    assert.deepEqual(outline.sections, []);
    assert.equal(outline.tensorAt(0), null);
    assert.equal(outline.lineOf('import'), undefined);
  }
});

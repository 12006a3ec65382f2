import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { completeStudy } from '../../src/lint/complete-study';

const FILE = path.resolve('samples/new.study.yaml');

/** Completes at the `|` of a text. */
async function at(marked: string) {
  const before = marked.slice(0, marked.indexOf('|')).split('\n');
  const character = before.at(-1)?.length ?? 0;
  const entries = await completeStudy(FILE, marked.replace('|', ''), before.length - 1, character);
  return { entries, labels: entries.map(({ label }) => label), character };
}

test('keys that a study has not yet are offered at the left margin', async () => {
  const { labels, entries } = await at('base: b\n|\ndata: d.npz\n');
  assert.deepEqual(labels, ['name', 'tasks', 'run', 'graph', 'fisher']);
  assert.deepEqual([entries[0]?.text, entries[0]?.start], ['name: ', 0]);
  assert.match(entries[0]?.detail ?? '', /called/);
});

test('paths are offered folder by folder, with the files that the key can take', async () => {
  assert.deepEqual((await at('base: |')).labels, ['charlm/', 'moe-toy/', 'vit-digits/']);
  assert.deepEqual((await at('graph: vit-digits/onnx/b|')).labels, ['base.onnx']);
  const data = await at('data:\n  clean: vit-digits/data/|');
  assert.ok(data.labels.includes('clean-val.npz'));
  assert.equal(data.entries[0]?.start, data.character);
  const quoted = await at('base: "vit-digits/ba|');
  assert.equal(quoted.entries.find(({ label }) => label === 'base/')?.start, 'base: "vit-digits/'.length);
});

test('checkpoints beside the base are offered as tasks', async () => {
  const { labels, entries } = await at('base: vit-digits/base\ntasks:\n  rot90: vit-digits/rot90\n  |\n');
  assert.deepEqual(labels, ['invert', 'vflip']);
  assert.equal(entries[0]?.text, 'invert: vit-digits/invert');
});

test('data sets are offered under the names of tasks, whichever stands first', async () => {
  const tasks = 'tasks:\n  a: x\n  "b c": y\n  d: z\n';
  assert.deepEqual((await at(`${tasks}data:\n  d: d.npz\n  |`)).labels, ['a', 'b c']);
  assert.deepEqual((await at(`data:\n    |\n${tasks}`)).labels, ['a', 'b c', 'd']);
});

test('options of a data set are offered below its name, with inputs of the graph and arrays of the data', async () => {
  const start = 'graph: vit-digits/onnx/base.onnx\ndata:\n  x:\n    path: vit-digits/data/clean-val.npz\n';
  const options = await at(`${start}    |`);
  assert.ok(!options.labels.includes('path') && options.labels.includes('labels'));
  const arrays = await at(`${start}    labels: |`);
  assert.ok(arrays.labels.includes('labels') && arrays.labels.includes('pixel_values'));
  assert.match(arrays.entries.find(({ label }) => label === 'labels')?.detail ?? '', /^int64 \[\d+\]$/);
  assert.deepEqual((await at(`${start}    inputs:\n      |`)).labels, ['pixel_values']);
  assert.deepEqual((await at(`${start}    inputs:\n      pixel_values: |`)).labels, arrays.labels);
  assert.deepEqual((await at(`${start}    shift: |`)).labels, ['true', 'false']);
});

test('nothing is offered in a comment, nor for a name', async () => {
  for (const text of ['# |', 'base: b # |', 'name: |', 'tasks:\n  - name: |']) {
    assert.deepEqual((await at(text)).labels, [], text);
  }
  assert.ok((await at('tasks:\n  - name: a\n    path: |')).labels.includes('vit-digits/'));
});

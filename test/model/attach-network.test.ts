import assert from 'node:assert/strict';
import test from 'node:test';
import { attachToStudy } from '../../src/model/attach-network';
import { parseStudy } from '../../src/model/study-file';

const FILE = '/work/place/a.study.yaml';
const both = {
  graph: '/work/place/onnx/base.onnx',
  data: [
    { name: 'clean', path: '/work/place/data/clean.npz' },
    { name: 'a: b', path: '/work/elsewhere/a b.npz' },
  ],
};

function attached(text: string, attachment: Parameters<typeof attachToStudy>[2]): string {
  const result = attachToStudy(text, FILE, attachment);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value.text;
}

test('a graph and data are added below what a study says, all else stays to the letter', () => {
  const text = '# first\nname:   x   # odd spacing\nbase: "base"\ntasks: { t: t }\n';
  assert.equal(
    attached(text, both),
    `${text}graph: onnx/base.onnx\ndata:\n  clean: data/clean.npz\n  "a: b": ../elsewhere/a b.npz\n`,
  );
});

test('a path that is there is replaced, its comment and that of other lines stay', () => {
  const text =
    'base: b # base\ngraph: old.onnx # the graph\ndata: # sets\n    clean: old.npz # c\n    # last\ntasks:\n  t: t\n';
  assert.equal(
    attached(text, { ...both, data: both.data.slice(0, 1) }),
    text.replace('old.onnx', 'onnx/base.onnx').replace('old.npz', 'data/clean.npz'),
  );
});

test('a data set is added with the indentation of the others, before what follows them', () => {
  const text =
    'base: b\ndata:\n    one: 1.npz   # 1\n    two:\n        path: 2.npz\n        shift: true # s\n\n# tasks\ntasks:\n  t: t\n';
  assert.equal(
    attached(text, { data: both.data.slice(0, 1) }),
    text.replace('# s\n', '# s\n    clean: data/clean.npz\n'),
  );
});

test('the options of a data set survive a new path', () => {
  const text = 'base: b\ndata:\n  clean:\n    path: old.npz\n    labels: y\n';
  const result = parseStudy(attached(text, { data: both.data.slice(0, 1) }), FILE);
  assert.ok(result.ok);
  assert.deepEqual(result.value.data, [
    { name: 'clean', path: '/work/place/data/clean.npz', options: { labels: 'y' } },
  ]);
});

test('a sole data path becomes the first of a map', () => {
  const text = 'base: b\ndata: sets/own.npz # mine\ntasks:\n  t: t\n';
  assert.equal(
    attached(text, { data: both.data.slice(0, 1) }),
    'base: b\ndata:\n  own: sets/own.npz # mine\n  clean: data/clean.npz\ntasks:\n  t: t\n',
  );
});

test('whatever way a study is written in, what was attached is read back and nothing else changes', () => {
  const shapes = [
    'base: b',
    'base: b\r\ndata:\r\n  x: x.npz\r\n',
    'base: b\ngraph:\ndata:\n',
    'base: b\ndata: {x: x.npz}\n',
    'base: b\ndata: {}\n',
    '{base: b, tasks: {t: t}}',
    'base: b\ndata:\n  x: x.npz',
    'base: b\ntasks:\n- name: t\n  path: t\n...\n',
    'base: b\ndata: >-\n  folded.npz\n',
  ];
  for (const text of shapes) {
    const before = parseStudy(text, FILE);
    const after = parseStudy(attached(text, both), FILE);
    assert.ok(before.ok && after.ok, text);
    assert.equal(after.value.graph, both.graph, text);
    assert.deepEqual(after.value.data?.slice(-2), both.data, text);
    assert.deepEqual(after.value.data?.slice(0, -2), before.value.data ?? [], text);
    assert.deepEqual(after.value.tasks, before.value.tasks, text);
    // Attaching the same again changes nothing.
    const once = attached(text, both);
    assert.equal(attached(once, both), once, text);
  }
});

test('a text that is no study is left alone', () => {
  const result = attachToStudy('base: [', FILE, both);
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'yaml-syntax');
});

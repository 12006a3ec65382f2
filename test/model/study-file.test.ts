import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatStudy, parseStudy } from '../../src/model/study-file';

const FILE = '/work/studies/digits.study.yaml';

function parsed(text: string) {
  const study = parseStudy(text, FILE);
  assert.ok(study.ok, study.ok ? '' : study.problem.message);
  return study.value;
}

function problem(text: string) {
  const study = parseStudy(text, FILE);
  assert.ok(!study.ok, `refuses ${text}`);
  return [study.problem.code, study.problem.at];
}

test('reads tasks as a map, with paths relative to the file', () => {
  assert.deepEqual(parsed('base: ../models/base\ntasks:\n  rot90: rot90\n  8: /abs/eight\n'), {
    name: 'digits',
    base: '/work/models/base',
    tasks: [
      { name: 'rot90', path: '/work/studies/rot90' },
      { name: '8', path: '/abs/eight' },
    ],
    file: FILE,
  });
});

test('reads tasks as a list', () => {
  const study = parsed('name: mine\ntasks:\n  - { name: a, path: x }\n  - name: b\n    path: y\n');
  assert.deepEqual(
    [study.name, study.tasks.map(({ name }) => name), study.base],
    ['mine', ['a', 'b'], undefined],
  );
});

test('reads a graph and data sets: by name, or one that is called as its file', () => {
  const text = 'base: base\ngraph: onnx/base.onnx\ndata:\n  rot90: data/rot90-val.npz\n  clean: data/clean\n';
  const named = parsed(text);
  assert.equal(named.graph, path.join(path.dirname(FILE), 'onnx/base.onnx'));
  assert.deepEqual(named.data, [
    { name: 'rot90', path: path.join(path.dirname(FILE), 'data/rot90-val.npz') },
    { name: 'clean', path: path.join(path.dirname(FILE), 'data/clean') },
  ]);
  assert.deepEqual(parsed('base: base\ndata: data/text.v2.jsonl\n').data, [
    { name: 'text.v2', path: path.join(path.dirname(FILE), 'data/text.v2.jsonl') },
  ]);
  assert.equal(problem('base: base\ndata: [a.npz]\n')[0], 'study-invalid');
});

test('gives line and column of what is wrong', () => {
  assert.deepEqual(problem('base: x\ntasks:\n  a: [1, 2'), ['yaml-syntax', 'line 3, column 11']);
  assert.deepEqual(problem('- a\n'), ['study-invalid', 'line 1, column 1']);
  assert.deepEqual(problem('base: x\nbasis: y\n'), ['study-invalid', 'line 2, column 1']);
  assert.deepEqual(problem('base: [x]\n'), ['study-invalid', 'line 1, column 7']);
  assert.deepEqual(problem('base: x\ntasks: y\n'), ['study-invalid', 'line 2, column 8']);
  assert.deepEqual(problem('tasks:\n  a: {}\n'), ['study-invalid', 'line 2, column 6']);
  assert.deepEqual(problem('tasks:\n  - name: a\n'), ['study-invalid', 'line 2, column 5']);
  assert.deepEqual(problem('tasks:\n  - { name: a, path: x }\n  - { name: a, path: y }\n'), [
    'study-task-duplicate',
    'line 3, column 5',
  ]);
  assert.deepEqual(problem('')[0], 'study-invalid');
});

test('aliases cannot blow a study up', () => {
  const bomb = [
    'a: &a [x, x]',
    ...Array.from({ length: 40 }, (_, index) => `k${String(index)}: [*a, *a]`),
  ].join('\n');
  assert.equal(problem(bomb)[0], 'study-invalid');
});

test('never throws, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200, unit: fc.constantFrom(...'ab:-[]{}&*!|>\'"\n\t #,?%') }),
      (text) => {
        const study = parseStudy(text, FILE);
        assert.ok(study.ok || study.problem.message.includes(FILE));
      },
    ),
    { numRuns: 3000 },
  );
});

test('writes what it reads', () => {
  const name = fc.string({ minLength: 1, maxLength: 12 });
  const path = fc
    .array(fc.stringMatching(/^[A-Za-z0-9_ #:'-]*[A-Za-z0-9_#:'-]$/), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const tasks = fc.uniqueArray(fc.record({ name, path }), {
    selector: (task) => task.name,
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(name, path, tasks, fc.option(tasks), (title, base, some, data) => {
      const spec = {
        name: title,
        base,
        tasks: some.map((task) => ({ ...task })),
        ...(data === null ? {} : { graph: base, data: data.map((each) => ({ ...each })) }),
        file: FILE,
      };
      assert.deepEqual(parsed(formatStudy(spec, FILE)), spec);
    }),
  );
});

test('data sets have options, which are written back, and wrong ones are pointed at', () => {
  const text = [
    'base: b',
    'graph: onnx/base.onnx',
    'data:',
    '  plain: data/plain.npz',
    '  tuned:',
    '    path: data/tuned.npz',
    '    labels: gold',
    '    inputs: { pixel_values: images }',
    '    constant: bank',
    '    round: true',
    '    pad: 0',
    '',
  ].join('\n');
  const spec = parsed(text);
  assert.equal(spec.graph, '/work/studies/onnx/base.onnx');
  assert.deepEqual(spec.data, [
    { name: 'plain', path: '/work/studies/data/plain.npz' },
    {
      name: 'tuned',
      path: '/work/studies/data/tuned.npz',
      options: {
        labels: 'gold',
        inputs: { pixel_values: 'images' },
        constant: ['bank'],
        round: true,
        pad: 0,
      },
    },
  ]);
  assert.deepEqual(parsed(formatStudy(spec, FILE)), spec);
  const wrong = (entry: string) => problem(`base: b\ndata:\n  x: ${entry}\n`);
  assert.deepEqual(wrong('{ labels: y }'), ['study-invalid', 'line 3, column 3']);
  assert.deepEqual(wrong('{ path: f, label: y }'), ['study-invalid', 'line 3, column 17']);
  assert.deepEqual(wrong('{ path: f, round: often }'), ['study-invalid', 'line 3, column 24']);
  assert.deepEqual(wrong('{ path: f, inputs: [a] }'), ['study-invalid', 'line 3, column 25']);
  assert.deepEqual(wrong('{ path: f, constant: [a, [b]] }'), ['study-invalid', 'line 3, column 27']);
  assert.deepEqual(wrong('{ path: f, pad: zero }'), ['study-invalid', 'line 3, column 22']);
});

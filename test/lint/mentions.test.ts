import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mentionsIn, missingCheckpoints, type CodeKind } from '../../src/lint/mentions';

/** The names that are found, each of which must stand where it is said to. */
function namesIn(text: string, kind: CodeKind): string[] {
  const lines = text.split('\n');
  return mentionsIn(text, kind).map(({ name, range: { start, end } }) => {
    assert.equal(start.line, end.line);
    if (!name.includes('\\')) assert.equal(lines[start.line]?.slice(start.character, end.character), name);
    return name;
  });
}

test('strings in Python with a folder or the ending of a checkpoint are found', () => {
  const text = [
    'base = "models/base"',
    "load_file('model.safetensors', device='cpu')",
    'torch.load(r"./runs/last.pt")',
    'open("notes.txt"); name = "adapter"',
  ].join('\n');
  assert.deepEqual(namesIn(text, 'python'), ['models/base', 'model.safetensors', './runs/last.pt']);
});

test('comments and long strings are passed over, with their quotes', () => {
  const text =
    '"""Loads "a/b.pt", don\'t ask."""\n# it\'s in "c/d.pt"\nx = "e/f.pt"  # or \'g/h.pt\'\ny = \'#/i.pt\'';
  assert.deepEqual(namesIn(text, 'python'), ['e/f.pt', '#/i.pt']);
});

test('patterns, addresses and texts that are filled in are no paths', () => {
  const names = [
    'runs/{step}/a.pt',
    'runs/*.pt',
    '$HOME/a.pt',
    '~/a.pt',
    'https://x.y/a.pt',
    'runs/%d.pt',
    'a/b\\nc.pt',
  ];
  assert.deepEqual(namesIn(names.map((name) => `"${name}"`).join('\n'), 'python'), []);
});

test('values in YAML need no quotes, and keys, lists and comments are told apart', () => {
  const text =
    'base: ../base/model.safetensors # not/this.pt\ntasks:\n  - "a/one.pt"\n  - two/b.ckpt\ninline: [c/d.pt, e/f.pt]\nn: 3';
  assert.deepEqual(namesIn(text, 'yaml'), [
    '../base/model.safetensors',
    'a/one.pt',
    'two/b.ckpt',
    'c/d.pt',
    'e/f.pt',
  ]);
});

test('JSON with comments and TOML are read, too', () => {
  const json = '{ // "a/b.pt"\n  "path": "c/d.safetensors", /* "e/f.pt" */ "g\\/h.pt": 1 }';
  assert.deepEqual(
    mentionsIn(json, 'json').map(({ name }) => name),
    ['c/d.safetensors', 'g/h.pt'],
  );
  assert.deepEqual(namesIn('model = "a/b.pt" # "c/d.pt"\nother = \'e/f\'', 'toml'), ['a/b.pt', 'e/f']);
});

test('a string or comment without an end hides no string on other lines', () => {
  assert.deepEqual(namesIn('x = "a/b.pt\ny = "c/d.pt"', 'python'), ['c/d.pt']);
});

test('texts of many paths, or of nothing but marks that begin strings, are looked through once', () => {
  assert.equal(mentionsIn('"a/b.pt"\n'.repeat(5000), 'python').length, 300);
  for (const kind of ['python', 'yaml', 'json', 'toml'] as const) {
    for (const piece of ['"', "'", '"""', '\\', '#', '/*', '/* ', '"a', '/', '\\"', "\\'"])
      mentionsIn(piece.repeat(60_000), kind);
  }
});

test('only a path that ends like a checkpoint and has a folder is missed', () => {
  const text = '"runs/a.pt"\n"runs/b"\n"c.pt"\n"runs/model.safetensors.index.json"\n"runs/optimizer.pt"';
  const findings = missingCheckpoints('/w/train.py', mentionsIn(text, 'python'));
  assert.deepEqual(
    findings.map(({ code, severity, at }) => [code, severity, at]),
    ['runs/a.pt', 'runs/model.safetensors.index.json'].map((at) => [
      'named-checkpoint-missing',
      'information',
      at,
    ]),
  );
});

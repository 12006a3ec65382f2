import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { parseStudy } from '../../src/model/study-file';

interface Rule {
  readonly match?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
}

const grammar = JSON.parse(fs.readFileSync('syntaxes/study.tmLanguage.json', 'utf8')) as { patterns: Rule[] };

/** The words of a line that the grammar's own rules (not those of YAML) call keywords. */
function keywordsIn(line: string): string[] {
  for (const { match, captures = {} } of grammar.patterns) {
    const found = match === undefined ? null : new RegExp(match).exec(line);
    if (!found) continue;
    return Object.entries(captures)
      .filter(([, { name }]) => name.startsWith('keyword'))
      .map(([group]) => found[Number(group)] ?? '');
  }
  return [];
}

const STUDY = `name: digits
base: base
tasks:
  rot90: ./rot90
  names: ./other
graph: base.onnx
data:
  rot90: rot90.npz
`;

test('the keys of a study are keywords, the names of tasks are not', () => {
  const parsed = parseStudy(STUDY, '/work/digits.study.yaml');
  assert.ok(parsed.ok, 'the sample must be a study');
  assert.deepEqual(STUDY.split('\n').flatMap(keywordsIn), ['name', 'base', 'tasks', 'graph', 'data']);
});

test('the keys of a task in a list are keywords', () => {
  const lines = ['tasks:', '  - name: rot90', '    path: ./rot90'];
  assert.deepEqual(lines.flatMap(keywordsIn), ['tasks', 'name', 'path']);
});

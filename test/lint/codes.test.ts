import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { CODES, isFindingCode } from '../../src/lint/codes';
import { ADAPTER_CODES } from '../../src/lint/codes-adapter';
import { OTHER_CODES } from '../../src/lint/codes-other';
import { findingsPage } from '../../src/lint/findings-page';
import { FINDING_LIMIT, FindingList } from '../../src/lint/finding-list';
import { problemFromError } from '../../src/protocol/result';

const here = import.meta.dirname;
const sources = path('../../src/lint');
const tests = path('.');

function path(relative: string): string {
  return paths.join(here, relative);
}

/** The texts of all files of a folder, apart from some. */
function textsIn(folder: string, without: RegExp): string {
  const files = fs.readdirSync(folder).filter((file) => file.endsWith('.ts') && !without.test(file));
  return files.map((file) => fs.readFileSync(paths.join(folder, file), 'utf8')).join('\n');
}

// Given to problems by the operating system's answers; they pass through, and cannot all be provoked on every machine.
const ANSWERS = ['file-unreadable', 'too-many-files', 'internal-error'];

test('every code that a rule names is in the table', () => {
  const raised = Array.from(
    textsIn(sources, /^codes/).matchAll(/(?:\.add\(|findings, )\s*'([a-z-]+)'/g),
    (match) => match[1] ?? '',
  );
  assert.ok(raised.length > 40);
  for (const code of raised) assert.ok(isFindingCode(code), code);
});

test('every code of the rules is raised by one of them, and tested', () => {
  const rules = textsIn(sources, /^codes/);
  const tested = textsIn(tests, /^codes/);
  for (const code of Object.keys({ ...OTHER_CODES, ...ADAPTER_CODES })) {
    if (ANSWERS.includes(code)) continue;
    assert.ok(tested.includes(`'${code}'`), `${code} has no test`);
    if (code !== 'file-missing') assert.ok(rules.includes(`'${code}'`), `${code} is raised nowhere`);
  }
});

test('what the operating system answers has a code of the table', () => {
  for (const code of ['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'EMFILE', 'EIO']) {
    const problem = problemFromError(Object.assign(new Error('x'), { code }), '/x');
    assert.ok(isFindingCode(problem.code), problem.code);
  }
});

test('every code of the table is kebab-case and says what is wrong and what to do, in sentences', () => {
  for (const [code, { family, title, explanation, action }] of Object.entries(CODES)) {
    assert.match(code, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
    assert.ok(family.length > 0);
    for (const text of [title, action, ...(explanation === undefined ? [] : [explanation])]) {
      assert.match(text, /^[\p{Lu}"_\p{Ll}].*[.!]$/u, `${code}: ${text}`);
    }
  }
});

test('docs/findings.md is the page made from the table', () => {
  assert.equal(fs.readFileSync(path('../../docs/findings.md'), 'utf8'), findingsPage());
});

test('findings beyond the limit are counted, wherever they come from', () => {
  const list = new FindingList('/x');
  const other = new FindingList('/x');
  for (let count = 0; count < FINDING_LIMIT + 5; count++) {
    other.add('tensor-nan', { message: String(count), help: 'x' });
  }
  list.add('tensor-nan', { message: 'first', help: 'x' });
  list.addAll(other);
  const all = list.all();
  assert.equal(all.length, FINDING_LIMIT + 1);
  assert.equal(all[0]?.message, 'first');
  assert.equal(all.at(-1)?.code, 'more-findings');
  assert.match(all.at(-1)?.message ?? '', /^6 more findings/);
});

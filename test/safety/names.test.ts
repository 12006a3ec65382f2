// Names out of files are shown to people: they command no terminal, no log, no page and no Markdown.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { findingsText } from '../../src/cli/findings-text';
import { formatFinding, formatProblem, quoted } from '../../src/format/problems';
import { problemFromError } from '../../src/protocol/result';
import { visible } from '../../src/protocol/visible-text';

/** Clears the screen, sets the title, hides what follows, turns text around, forges a line. */
const NAMES = [
  '\u001b[2J',
  '\u001b]0;title\u0007',
  '\u009b8m',
  'a\u202egnp.exe',
  '\u2066x\u2069',
  'a\r\nerror: b',
  '\u2028x',
];
const COMMANDS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;

test('no message has a control character, wherever the name comes from', () => {
  for (const name of NAMES) {
    const texts = [
      formatProblem('tensor-size', name, `${name}: the tensor ${name} is odd.`).message,
      formatFinding('tensor-gap', name, `${name} is odd.`).message,
      problemFromError(new Error(name)).message,
      problemFromError({ code: 'ENOENT' }, name).message,
      quoted(name),
      findingsText([formatFinding('tensor-gap', `/x/${name}`, name)]).replaceAll('\n', ''),
    ];
    for (const text of texts) assert.doesNotMatch(text, COMMANDS, JSON.stringify(text));
  }
});

test('what is escaped can be told from what was there', () => {
  assert.equal(visible('a\u001bb'), 'a\\x1bb');
  assert.equal(visible('a\u202eb'), 'a\\u202eb');
  assert.equal(visible('weight é 😀'), 'weight é 😀');
});

test('no page makes HTML out of text', () => {
  const root = paths.resolve(__dirname, '../../webview');
  const sources = fs
    .readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'));
  assert.ok(sources.length > 20);
  for (const name of sources) {
    const source = fs.readFileSync(paths.join(root, name), 'utf8');
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.html\(/, name);
  }
});

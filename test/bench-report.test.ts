import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeSections, sectionsOf } from '../scripts/bench-report.mjs';

const REPORT = '# Measurements\n\nA machine.\n\n## One\n\n1 s\n\n## Two\n\n2 s\n\n## Three\n\n3 s\n';
const section = (title: string, value: string) => ({ title, text: `## ${title}\n\n${value}\n` });

test('a report has the sections it was made of', () => {
  const sections = sectionsOf(REPORT);
  assert.deepEqual(sections, [section('One', '1 s'), section('Two', '2 s'), section('Three', '3 s')]);
  assert.deepEqual(sectionsOf('# Measurements\n\nNothing.\n'), []);
});

test('what was measured again takes the place of what it was, and new sections stand behind the one before them', () => {
  const merged = mergeSections(sectionsOf(REPORT), [
    section('Two', '4 s'),
    section('Between', '5 s'),
    section('Three', '6 s'),
  ]);
  assert.deepEqual(
    merged.map(({ text }) => text.split('\n')[2]),
    ['1 s', '4 s', '5 s', '6 s'],
  );
});

test('a new section that nothing stands before comes last', () => {
  const merged = mergeSections(sectionsOf(REPORT), [section('New', '7 s')]);
  assert.deepEqual(
    merged.map(({ title }) => title),
    ['One', 'Two', 'Three', 'New'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestPlaces } from '../../../src/model/manifest/manifest-layout';
import { manifestDiffText, manifestText } from '../../../src/model/manifest/manifest-text';
import { readName } from '../../../src/model/manifest/written-name';
import { networkOrder } from '../../../src/model/naming';
import { transformerRows, viewOf, type TensorRow } from './view';

/** The lines of tensors, split at runs of spaces. */
function tensorLines(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !/^[#[]/.test(line))
    .map((line) => line.trim().split(/ +/));
}

test('a manifest has a line for each tensor: name, dtype, shape, parameters, bytes, offset', () => {
  const lines = tensorLines(
    manifestText(
      viewOf([
        ['a.weight', 'BF16', [2, 3]],
        ['a.scale', 'F32', []],
      ]),
    ),
  );
  assert.deepEqual(lines, [
    ['a.scale', 'F32', 'scalar', '1', '4', '124'],
    ['a.weight', 'BF16', '2x3', '6', '24', '100'],
  ]);
});

test('tensors of a checkpoint of several files name theirs by its number in the header', () => {
  const files = ['a', 'b'].map((name) => ({ path: `/models/base/shards/${name}.safetensors`, bytes: 10 }));
  const text = manifestText(viewOf(transformerRows(1), { files }));
  assert.match(text, /^# file 2: shards\/b\.safetensors \(10 bytes\)$/m);
  assert.deepEqual(
    tensorLines(text)
      .find(([name]) => name === 'lm_head.weight')
      ?.slice(-1),
    ['2'],
  );
});

test('a copy of a model of the Hub says which commit it is of, and not where two are compared', () => {
  const origin = { host: 'huggingface.co', repository: 'me/model', commit: '1a2b3c4d'.repeat(5) };
  const view = viewOf(transformerRows(1), { origin: { ...origin, revisions: ['main'] } });
  assert.match(manifestText(view), /^# hub: me\/model, commit 1a2b3c4 \(main\)$/m);
  assert.doesNotMatch(manifestDiffText(view, view), /# hub:/);
});

test('columns are aligned, and a name that is longer than any real one pushes nothing but itself', () => {
  const rows = transformerRows(3);
  const aligned = manifestText(viewOf(rows));
  const column = aligned
    .split('\n')
    .find((line) => line.startsWith('# name'))
    ?.indexOf('dtype');
  for (const line of aligned.split('\n').filter((each) => each.includes('weight'))) {
    assert.equal(line.indexOf('F32'), column);
  }
  const long: TensorRow = ['x'.repeat(5000), 'F32', [1]];
  const widest = Math.max(
    ...manifestText(viewOf([...rows, long]))
      .split('\n')
      .filter((line) => line.includes('weight'))
      .map((line) => line.length),
  );
  assert.ok(widest < 200, String(widest));
});

test('layers stand in network order, their tensors in natural order, whatever the order in the file', () => {
  const rows = transformerRows(12);
  const text = manifestText(viewOf(rows));
  const titles = text.split('\n').filter((line) => line.startsWith('['));
  assert.deepEqual(titles, [
    '[input]',
    ...Array.from({ length: 12 }, (_, layer) => `[model.layers.${String(layer)}]`),
    '[output]',
  ]);
  const names = tensorLines(text).map(([name = '']) => name);
  assert.deepEqual(names, networkOrder(rows.map(([name]) => name)));
  const without = (shown: string) => tensorLines(shown).map((cells) => cells.slice(0, 5).join(' '));
  assert.deepEqual(without(manifestText(viewOf([...rows].reverse()))), without(text));
});

test('the same checkpoint gives the same text', () => {
  assert.equal(manifestText(viewOf(transformerRows(4))), manifestText(viewOf(transformerRows(4))));
});

test('hostile names and metadata stay in their line and can be read back', () => {
  const names = ['a\nb.0.weight', '[input]', '# x', 'w\u202e.1', ' ', '"'];
  const view = viewOf(
    names.map((name): TensorRow => [name, 'F32', [1]]),
    { metadata: { 'k\ney': 'one\n[two]\u202e', long: 'x'.repeat(10_000) }, name: 'base\nx' },
  );
  const lines = manifestText(view).split('\n');
  const tensors = lines.filter((line) => line !== '' && !/^[#[]/.test(line));
  const written = tensors.map((line) => /^(?:"(?:[^"\\]|\\.)*"|\S+)/.exec(line)?.[0] ?? '');
  assert.deepEqual(written.map(readName).sort(), [...names].sort());
  assert.ok(lines.includes(String.raw`# metadata "k\u000aey": one\u000a[two]\u202e`));
  assert.match(
    lines.find((line) => line.startsWith('# metadata long')) ?? '',
    /… \(10000 characters, sha256 \w+\)$/,
  );
  assert.doesNotMatch(lines.join(''), /[\p{Cc}\p{Cf}]/u);
});

test('the place of a tensor is its line in the text', () => {
  const rows = [...transformerRows(3), ['with space.0', 'F32', [1]] as const];
  const view = viewOf(rows, {
    metadata: { format: 'pt' },
    dtypes: [{ label: 'F32', tensors: 1, parameters: 1, bytes: 1 }],
  });
  const lines = manifestText(view).split('\n');
  const places = manifestPlaces(view, new Set([...rows.map(([name]) => name), 'missing']));
  assert.equal(places.size, rows.length);
  for (const [name, { start, end }] of places) {
    assert.equal(readName(lines[start.line]?.slice(start.character, end.character) ?? ''), name);
  }
});

test('in a comparison only the lines of tensors differ that were added, removed or reshaped', () => {
  const before = viewOf(transformerRows(3));
  const rows = transformerRows(3).map((row): TensorRow =>
    row[0] === 'lm_head.weight' ? ['lm_head.weight', 'F32', [50, 8]] : row,
  );
  const after = viewOf(
    [['model.layers.0.a_much_longer_name_than_all_the_others.weight', 'F32', [1_000_000]], ...rows.slice(1)],
    { path: '/other/model.safetensors', name: 'other', fingerprint: 'def' },
  );
  const left = manifestDiffText(before, after).split('\n');
  const right = manifestDiffText(after, before).split('\n');
  const only = (a: string[], b: string[]) =>
    a.filter((line) => !b.includes(line)).map((line) => line.replace(/^(# )?([^ :]+).*/, '$1$2'));
  assert.deepEqual(only(left, right), [
    '# parameters',
    '# bytes',
    '[input]',
    'model.embed_tokens.weight',
    'lm_head.weight',
  ]);
  assert.deepEqual(only(right, left), [
    '# parameters',
    '# bytes',
    'model.layers.0.a_much_longer_name_than_all_the_others.weight',
    'lm_head.weight',
  ]);
});

test('checkpoints with the same tensors at other offsets compare as equal', () => {
  const one = viewOf(transformerRows(2));
  const other = viewOf([...transformerRows(2)].reverse(), {
    path: '/b.safetensors',
    name: 'b',
    fingerprint: 'x',
  });
  assert.equal(manifestDiffText(one, other), manifestDiffText(other, one));
});

test('a text that would be too long to be coloured has columns closer together, then none', () => {
  const rowsOf = (length: number) => {
    const letters = (index: number) =>
      index.toString(2).padStart(18, '0').replaceAll('0', 'a').replaceAll('1', 'b');
    const row = (index: number): TensorRow => [
      letters(index).padEnd(length, 'x'),
      'F32',
      [1 + (index % 1000)],
    ];
    const text = manifestText(viewOf(Array.from({ length: 200_000 }, (_, index) => row(index))));
    assert.ok(text.length < 20 * 2 ** 20);
    return text.split('\n').filter((line) => /^[ab]/.test(line));
  };
  const [wide, close, bare] = [50, 60, 68].map(rowsOf);
  const isAligned = (rows: readonly string[] = []) => new Set(rows.map(({ length }) => length)).size === 1;
  assert.ok(isAligned(wide) && isAligned(close) && !isAligned(bare));
  assert.match(wide?.[0] ?? '', /x {2}F32/);
  for (const rows of [close, bare]) assert.match(rows?.[0] ?? '', /x F32/);
});

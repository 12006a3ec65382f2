import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkParameters, type ParameterDeclaration } from '../../src/protocol/lens';

const DECLARED: readonly ParameterDeclaration[] = [
  { name: 'share', title: 'Share', help: '', type: 'number', default: 0.5, minimum: 0, maximum: 1 },
  { name: 'rank', title: 'Rank', help: '', type: 'number', default: 8, minimum: 1, integer: true },
  { name: 'exact', title: 'Exact', help: '', type: 'boolean', default: false },
  { name: 'filter', title: 'Filter', help: '', type: 'text', default: '' },
  {
    name: 'by',
    title: 'By',
    help: '',
    type: 'choice',
    default: 'layer',
    choices: [
      { value: 'layer', title: 'Layer' },
      { value: 'module', title: 'Module' },
    ],
  },
];

test('parameters that are not given take their defaults', () => {
  const checked = checkParameters(DECLARED, {});
  assert.ok(checked.ok);
  assert.deepEqual(checked.value, { share: 0.5, rank: 8, exact: false, filter: '', by: 'layer' });
});

test('strings from a command line or a form become the declared type', () => {
  const checked = checkParameters(DECLARED, { share: '0.25', rank: ' 16 ', exact: 'true', by: 'module' });
  assert.ok(checked.ok);
  assert.deepEqual(checked.value, { share: 0.25, rank: 16, exact: true, filter: '', by: 'module' });
});

test('a name that is not declared is refused and the known names are offered', () => {
  const checked = checkParameters(DECLARED, { shares: 1 });
  assert.ok(!checked.ok);
  assert.equal(checked.problem.code, 'unknown-parameter');
  assert.match(checked.problem.action, /share, rank, exact, filter, by/);
});

for (const [name, value, wanted] of [
  ['share', 1.5, /≥ 0 and ≤ 1/],
  ['share', Number.NaN, /a number/],
  ['share', '', /a number/],
  ['share', '0.5x', /a number/],
  ['rank', 2.5, /a whole number ≥ 1/],
  ['exact', 'yes', /true or false/],
  ['filter', 3, /text/],
  ['by', 'head', /one of layer, module/],
] as const) {
  test(`${name} = ${JSON.stringify(value)} is refused with what it must be`, () => {
    const checked = checkParameters(DECLARED, { [name]: value });
    assert.ok(!checked.ok);
    assert.equal(checked.problem.code, 'bad-parameter');
    assert.equal(checked.problem.at, name);
    assert.match(checked.problem.message, wanted);
  });
}

test('no given object makes it throw, and what it accepts has exactly the declared names', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), (given) => {
      const checked = checkParameters(DECLARED, given);
      if (checked.ok)
        assert.deepEqual(Object.keys(checked.value), ['share', 'rank', 'exact', 'filter', 'by']);
      else assert.ok(checked.problem.message.length > 0);
    }),
  );
});

test('__proto__ is an unknown name like any other', () => {
  const checked = checkParameters(DECLARED, JSON.parse('{"__proto__": 1}') as Record<string, unknown>);
  assert.ok(!checked.ok);
  assert.equal(checked.problem.at, '__proto__');
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { RULES } from '../../../src/graph/differentiate/registry';
import { LOWERINGS } from '../../../src/graph/lower/registry';
import { checkGradients } from './check';
import { DENSE } from './dense-cases';
import { ELEMENTWISE } from './elementwise-cases';
import { SHAPES } from './shape-cases';

const CASES = { ...ELEMENTWISE, ...DENSE, ...SHAPES };

for (const [op, cases] of Object.entries(CASES)) {
  test(`gradients through ${op} are those of finite differences`, async (context) => {
    for (const [i, one] of cases.entries())
      await context.test(`case ${String(i + 1)}`, () => checkGradients(one));
  });
}

/** Their gradient is zero wherever it is defined, and their outputs are tested to be unconnected below. */
const CONSTANT = ['Floor', 'Ceil', 'Round', 'Sign', 'ConstantOfShape'];
/** The same rule under the name that older exports use. */
const SAME = ['Scatter', 'com.microsoft.SimplifiedLayerNormalization'];

test('every rule of the registry is compared with finite differences', () => {
  const missing = [...RULES.keys()].filter(
    (op) => !(op in CASES) && !CONSTANT.includes(op) && !SAME.includes(op) && !LOWERINGS.has(op),
  );
  assert.deepEqual(missing, []);
});

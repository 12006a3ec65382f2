import { convolutions } from './convolution';
import { LOWERINGS } from '../lower/registry';
import { einsums } from './einsum';
import { elementwise } from './elementwise';
import { gathersAndScatters } from './gather-scatter';
import { matrixProducts } from './matmul';
import { normalisations } from './normalisation';
import { poolings } from './pooling';
import { reductions } from './reduction';
import { resizes } from './resize';
import type { Rule, RuleContext, RuleFamily } from './rule';
import { movements } from './shape';
import { softmaxes } from './softmax';

/** Operators that have to be lowered first: where one is left, its lowering says why. */
const lowered: RuleFamily = Object.fromEntries(
  [...LOWERINGS].map(([op, lowering]) => [
    op,
    (context: RuleContext) => {
      const found = lowering(context);
      return typeof found === 'string' ? found : 'it was not lowered';
    },
  ]),
);

/** Every rule, by operator; outside the standard domain by `domain.Operator`. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  [
    lowered,
    elementwise,
    matrixProducts,
    normalisations,
    softmaxes,
    reductions,
    movements,
    gathersAndScatters,
    convolutions,
    poolings,
    einsums,
    resizes,
  ].flatMap((family) => Object.entries(family)),
);

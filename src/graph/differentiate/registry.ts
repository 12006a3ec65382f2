import { convolutions } from './convolution';
import { einsums } from './einsum';
import { elementwise } from './elementwise';
import { gathersAndScatters } from './gather-scatter';
import { matrixProducts } from './matmul';
import { normalisations } from './normalisation';
import { poolings } from './pooling';
import { reductions } from './reduction';
import { resizes } from './resize';
import type { Rule } from './rule';
import { movements } from './shape';
import { softmaxes } from './softmax';

/** Every rule, by operator; outside the standard domain by `domain.Operator`. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  [
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

import { adalora } from './adalora';
import { additive } from './additive';
import { boft } from './boft';
import { c3a } from './c3a';
import { delora } from './delora';
import { dora } from './dora';
import { EndingTable } from './endings';
import type { AdapterFamily } from './family';
import { fourierft } from './fourierft';
import { glora } from './glora';
import { hra } from './hra';
import { ia3 } from './ia3';
import { loha } from './loha';
import { lokr } from './lokr';
import { lora } from './lora';
import { miss } from './miss';
import { oft } from './oft';
import { poly } from './poly';
import { randlora } from './randlora';
import { road } from './road';
import { shira } from './shira';
import { trainableTokens } from './trainable-tokens';
import { unilora } from './unilora';
import { vblora } from './vblora';
import { vera } from './vera';

/**
 * Every family, in the order in which they are asked whether tensors are theirs: those that have the tensors of another and
 * more come before it.
 */
export const FAMILIES: readonly AdapterFamily[] = [
  dora,
  adalora,
  lora,
  loha,
  lokr,
  ia3,
  vera,
  oft,
  boft,
  glora,
  shira,
  fourierft,
  randlora,
  trainableTokens,
  additive,
  poly,
  hra,
  vblora,
  unilora,
  miss,
  delora,
  road,
  c3a,
];

/** The endings of all families. */
export const ENDINGS = new EndingTable(FAMILIES.flatMap((family) => family.endings));

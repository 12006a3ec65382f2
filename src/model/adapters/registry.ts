import type { AdapterFamily } from './family';
import { EndingTable } from './endings';
import { dora } from './dora';
import { lora } from './lora';

/** Every family, in the order in which they are asked whether tensors are theirs. */
export const FAMILIES: readonly AdapterFamily[] = [dora, lora];

/** The endings of all families. */
export const ENDINGS = new EndingTable(FAMILIES.flatMap((family) => family.endings));

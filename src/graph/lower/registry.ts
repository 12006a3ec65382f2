import { attentions } from './attention';
import { controlFlow } from './control-flow';
import { embeddings } from './embedding';
import { gridSampling } from './grid-sample';
import type { Lowering } from './lowering';
import { quantised } from './quantised';
import { recurrences } from './recurrence';
import { rotations } from './rotary';

/** Every lowering, by operator; outside the standard domain by `domain.Operator`. */
export const LOWERINGS: ReadonlyMap<string, Lowering> = new Map(
  [recurrences, controlFlow, attentions, rotations, embeddings, quantised, gridSampling].flatMap((family) =>
    Object.entries(family),
  ),
);

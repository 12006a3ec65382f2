import { float, floatOf, int } from '../attributes';
import type { Term } from '../differentiate/emitter';
import { hasAny, type Lowering, type LoweringFamily } from './lowering';

/** `LayerNorm(word + position + segment)`; further outputs are the count of the mask and the sum (com.microsoft). */
const embedLayerNormalisation: Lowering = ({ emit, node, input }) => {
  const [ids, segments, words, places, kinds] = [0, 1, 2, 3, 4].map(input);
  const [gamma, beta, mask, positions] = [5, 6, 7, 8].map(input);
  if (!ids || !words || !places || !gamma || !beta) return 'its inputs are of unknown size';
  const [batch = 1, length = 1] = ids.shape;
  const width = words.shape[1] ?? 1;
  const rows = (table: Term, at: Term): Term =>
    emit.apply('Gather', [table, at], [...at.shape, width], { axis: int(0) });
  let sum = emit.add(rows(words, ids), rows(places, positions ?? emit.range([1, length])));
  if (segments && kinds) sum = emit.add(sum, rows(kinds, segments));
  const whole = emit.apply('LayerNormalization', [sum, gamma, beta], sum.shape, {
    epsilon: float(floatOf(node, 'epsilon', 1e-12)),
  });
  const none = { name: emit.draft.constant('int32', [], [0]), shape: [], type: 'int32' as const };
  const counted = (): Term =>
    mask
      ? emit.reshape(emit.reduce('ReduceSum', emit.cast(mask, 'int32'), [1]), [batch])
      : emit.expand(none, [batch]);
  return [whole, hasAny(node.outputs, [1]) ? counted() : null, sum];
};

/** Embeddings that the runtime's optimiser fused. */
export const embeddings: LoweringFamily = {
  'com.microsoft.EmbedLayerNormalization': embedLayerNormalisation,
};

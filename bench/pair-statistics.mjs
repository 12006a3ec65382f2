// How fast two checkpoints are compared: norms, inner product, largest change, equal entries and sign flips.
import path from 'node:path';
import { raceRow } from './race.mjs';
import { transformer, writeCheckpoint } from './safetensors.mjs';
import { weights } from './values.mjs';

/** @param {'BF16' | 'F32'} dtype @param {number} layers */
function pairStatistics(dtype, layers) {
  /** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
  return (scratch) => {
    const size = { layers, width: 1536, hidden: 6144, keyWidth: 512, vocabulary: 32000 };
    const tensors = transformer(size).map((tensor) => ({ ...tensor, dtype }));
    const files = [0, 1].map((task) => {
      const file = path.join(scratch, `${task === 0 ? 'base' : 'tuned'}.safetensors`);
      writeCheckpoint(file, tensors, weights(dtype, task));
      return file;
    });
    const what = `2 checkpoints, ${dtype}, ${tensors.length} tensors`;
    return raceRow({
      title: `Pair statistics, ${dtype}`,
      only: `pair-${dtype.toLowerCase()}`,
      what,
      script: 'pair.py',
      files,
    });
  };
}

export const bf16 = { measure: pairStatistics('BF16', 19) };
export const f32 = { measure: pairStatistics('F32', 8) };

// How fast eight task vectors are compared with each other and with their base.
import path from 'node:path';
import { raceRow } from './race.mjs';
import { transformer, writeCheckpoint } from './safetensors.mjs';
import { weights } from './values.mjs';

const TASKS = 8;

/** @param {string} scratch @returns {Promise<import('../scripts/bench.mjs').Row>} */
export function measure(scratch) {
  const tensors = transformer({ layers: 4, width: 1536, hidden: 6144, keyWidth: 512, vocabulary: 12000 });
  const files = Array.from({ length: TASKS + 1 }, (_, task) => {
    const file = path.join(scratch, `${task}.safetensors`);
    writeCheckpoint(file, tensors, weights('BF16', task));
    return file;
  });
  const what = `a base and ${TASKS} fine-tunes, BF16, ${tensors.length} tensors; the peers form the Gram matrix only`;
  return raceRow({
    title: 'Gram matrix of eight task vectors',
    only: 'gram',
    what,
    script: 'gram.py',
    files,
  });
}

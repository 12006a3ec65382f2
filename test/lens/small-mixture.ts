// A mixture of experts small enough to write in a test: no sample has one.
import * as path from 'node:path';
import type { Study } from '../../src/model/study';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { study } from './run';

const EXPERTS = 3;
const INNER = 4;
const HIDDEN = 3;

/** Two checkpoints `base` and `task` of one layer with three experts in Mixtral's names. */
export function smallMixture(): Promise<Study> {
  const folder = temporaryFolder();
  for (const [name, seed] of [
    ['base', 1],
    ['task', 2],
  ] as const) {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), mixture(seed));
  }
  return study(folder, 'base', ['task']);
}

function mixture(seed: number): Record<string, Written> {
  const at = 'model.layers.0.block_sparse_moe';
  const tensors: Record<string, Written> = {
    [`${at}.gate.weight`]: { shape: [EXPERTS, HIDDEN], values: waves(9, seed) },
  };
  for (let expert = 0; expert < EXPERTS; expert++) {
    const values = (part: number) => waves(INNER * HIDDEN, seed + 10 * expert + part);
    tensors[`${at}.experts.${expert}.w1.weight`] = { shape: [INNER, HIDDEN], values: values(3) };
    tensors[`${at}.experts.${expert}.w2.weight`] = { shape: [HIDDEN, INNER], values: values(4) };
    tensors[`${at}.experts.${expert}.w3.weight`] = { shape: [INNER, HIDDEN], values: values(5) };
  }
  return tensors;
}

function waves(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(seed * (index + 1) * 1.7));
}

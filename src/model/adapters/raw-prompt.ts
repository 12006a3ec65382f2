import { basename } from 'node:path';
import type { TensorEntry } from '../../format/checkpoint';
import { dtypeByName } from '../../tensor/dtype';

/** A prompt of more vectors than this was never trained; a weight may well have as many rows. */
const MOST_TOKENS = 512;
const LEAST_WIDTH = 32;
/** How files and tensors of lone prompts are called; what numpy writes has no names. */
const CALLED = /prompt/i;
const ARRAY = /\.npy$/i;

/**
 * The matrix of a file that holds nothing but a soft prompt, tokens × hidden size: an array of numpy, as Lester et al. publish
 * theirs (https://github.com/google-research/prompt-tuning), or a lone tensor in a file called a prompt (Su et al. 2022,
 * https://arxiv.org/abs/2111.06719). `null` where shape or name speak against it.
 */
export function rawPrompt(tensors: readonly TensorEntry[]): TensorEntry | null {
  const [only] = tensors;
  if (!only || tensors.length !== 1) return null;
  const { shape, dtype, path } = only.span;
  const [tokens = 0, width = 0] = shape;
  const isFloat = dtypeByName(dtype)?.kind === 'float';
  const fits = shape.length === 2 && isFloat && tokens > 0 && tokens <= MOST_TOKENS && width >= LEAST_WIDTH;
  if (!fits || tokens >= width) return null;
  return ARRAY.test(path) || CALLED.test(basename(path)) || CALLED.test(only.name) ? only : null;
}

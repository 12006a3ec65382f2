import { stat } from 'node:fs/promises';
import type { Fit } from '../../protocol/attachment';
import type { DataMatch } from '../data/data-match';
import { matchData } from '../data/match';
import { openData } from '../data/registry';
import type { ValueInfo } from '../../format/onnx/types';

/** Larger files are not opened: finding their samples may take reading them. */
const LARGEST_OPENED = 2 ** 28;

/**
 * Whether a data file feeds every input of a graph, told without options; what belongs to the model is looked for in the
 * folders `near`, too.
 */
export async function dataFit(
  path: string,
  inputs: readonly ValueInfo[],
  near: readonly string[],
): Promise<{ readonly fit: Fit; readonly reason: string }> {
  const found = await stat(path).catch(() => null);
  if (found !== null && found.size > LARGEST_OPENED) {
    return { fit: 'unknown', reason: 'larger than 256 MiB, so it was not looked into' };
  }
  const data = await openData(path, {}, near);
  if (!data.ok) return { fit: 'no', reason: withoutPath(data.problem.message, path) };
  const match = matchData(data.value, inputs);
  if (!match.ok) return { fit: 'no', reason: withoutPath(match.problem.message, path) };
  return { fit: 'yes', reason: matchText(match.value) };
}

function matchText({ samples, inputs, labels }: DataMatch): string {
  const feeds = inputs.map(({ input }) => input.name).join(', ');
  const scored =
    labels === null
      ? 'no labels, which gradients need'
      : labels.shift
        ? 'labels are the next tokens'
        : `labels: ${labels.array.name}`;
  return `${samples.toLocaleString('en-US')} sample${samples === 1 ? '' : 's'} for ${feeds}; ${scored}`;
}

/** What is listed beside its file need not name it again. */
function withoutPath(message: string, path: string): string {
  const rest = message.startsWith(path) ? message.slice(path.length).replace(/^[:\s]+/, '') : message;
  return rest.replace(/\.$/, '');
}

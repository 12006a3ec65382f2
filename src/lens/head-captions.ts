import type { Architecture } from '../model/architecture';
import type { ParameterDeclaration } from '../protocol/lens';
import { wholeText } from './wording';

/** Whether the gain of the norm before the attention counts as part of W_Q, W_K and W_V. */
export const FOLD_PARAMETER: ParameterDeclaration = {
  name: 'fold_gain',
  title: 'Fold the gain of the norm',
  help: 'Multiply W_Q, W_K and W_V by the gain of the norm before the attention, so that they read the residual stream itself.',
  type: 'boolean',
  default: true,
};

/** What a caption says of norms and positions. `gains`: for every block read whether it has a norm before it. */
export function foldText(
  fold: boolean,
  gains: readonly boolean[],
  architecture: Architecture | null,
): string {
  return `${gainText(fold, gains)} ${positionText(architecture)}`;
}

function gainText(fold: boolean, gains: readonly boolean[]): string {
  if (!fold) return 'The gain of the norm before the attention is not folded in.';
  const found = gains.filter(Boolean).length;
  if (found === 0) return 'No gain of a norm before the attention was found, so none is folded in.';
  const some =
    found < gains.length
      ? ` where there is one (${wholeText(found)} of ${wholeText(gains.length)} blocks)`
      : '';
  return `The gain of the norm before the attention is folded into W_Q, W_K and W_V${some}; centring, biases and norms behind the attention are not.`;
}

function positionText(architecture: Architecture | null): string {
  switch (architecture?.positions ?? null) {
    case 'rotary':
      return 'Positions are rotary: W_QK is that of two tokens at the same position (offset 0) only.';
    case 'alibi':
    case 'relative':
      return 'Positions enter as a bias of the scores, which W_QK leaves out.';
    case 'learned':
      return 'Positions are part of the residual stream.';
    case null:
      return 'With rotary positions W_QK is that of two tokens at the same position (offset 0) only.';
  }
}

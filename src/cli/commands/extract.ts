import { failure, success, type Result } from '../../protocol/result';
import type { ExtractAction } from '../../protocol/write';
import { wrongUse, type Arguments } from '../arguments';
import type { Command } from '../command';
import {
  DTYPE_OPTION, factorDtype, onlyPath, pathOption, RANK_OPTIONS, rankChoice, runWrite, WRITE_OPTIONS,
} from '../write-command'; // prettier-ignore

/** Higher ranks are hardly an adapter. */
const MOST_RANK = 128;

export const extract: Command = {
  name: 'extract',
  usage: [
    '--base PATH FINETUNE (--rank R | --energy E | --error X) -o OUT [--save-rest] [--dtype TYPE] [--dry-run] [--json]',
  ],
  summary: 'make a LoRA of what a fine-tune changed, by SVD, with the error of every module; PEFT layout',
  options: [
    { name: 'base', value: 'PATH', help: 'the checkpoint that was fine-tuned' },
    ...RANK_OPTIONS,
    {
      name: 'save-rest',
      help: 'save norms, embeddings, heads and biases that changed whole (modules_to_save)',
    },
    DTYPE_OPTION,
    ...WRITE_OPTIONS,
  ],
  async run(given, session) {
    const action = actionOf(given);
    return action.ok ? runWrite(action.value, given, session) : session.fail(action.problem);
  },
};

function actionOf(given: Arguments): Result<ExtractAction> {
  const path = onlyPath(given, 'extract');
  if (!path.ok) return path;
  const base = pathOption(given, 'base');
  if (base === null) return failure(wrongUse('The base is missing.', 'Name it with --base.'));
  const choice = rankChoice(given, MOST_RANK);
  if (!choice.ok) return choice;
  const dtype = factorDtype(given);
  if (!dtype.ok) return dtype;
  return success({
    kind: 'extract', base, path: path.value, choice: choice.value, dtype: dtype.value, saveRest: given.has('save-rest'),
  }); // prettier-ignore
}

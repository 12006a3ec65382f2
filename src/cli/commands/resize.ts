import { success, type Result } from '../../protocol/result';
import type { ResizeAction } from '../../protocol/write';
import type { Arguments } from '../arguments';
import type { Command } from '../command';
import {
  DTYPE_OPTION, factorDtype, onlyPath, pathOption, RANK_OPTIONS, rankChoice, runWrite, WRITE_OPTIONS,
} from '../write-command'; // prettier-ignore

export const resize: Command = {
  name: 'resize',
  usage: [
    'ADAPTER (--rank R | --energy E | --error X) -o OUT [--dtype TYPE] [--base PATH] [--dry-run] [--json]',
  ],
  summary: 'lower the rank of an adapter by SVD, module by module, with the exact error; PEFT layout',
  options: [
    ...RANK_OPTIONS,
    DTYPE_OPTION,
    { name: 'base', value: 'PATH', help: 'tells module names where the adapter has underscores for dots' },
    ...WRITE_OPTIONS,
  ],
  async run(given, session) {
    const action = actionOf(given);
    return action.ok ? runWrite(action.value, given, session) : session.fail(action.problem);
  },
};

function actionOf(given: Arguments): Result<ResizeAction> {
  const path = onlyPath(given, 'resize');
  if (!path.ok) return path;
  const choice = rankChoice(given, null);
  if (!choice.ok) return choice;
  const dtype = factorDtype(given);
  if (!dtype.ok) return dtype;
  const base = pathOption(given, 'base');
  return success({ kind: 'resize', path: path.value, base, choice: choice.value, dtype: dtype.value });
}

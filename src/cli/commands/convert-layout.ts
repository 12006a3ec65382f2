import { failure, success, type Result } from '../../protocol/result';
import { WRITTEN_LAYOUTS, type LayoutAction } from '../../protocol/write';
import { wrongUse, type Arguments } from '../arguments';
import type { Command } from '../command';
import { onlyPath, pathOption, runWrite, WRITE_OPTIONS } from '../write-command';

export const convertLayout: Command = {
  name: 'convert-layout',
  usage: [`ADAPTER --to ${WRITTEN_LAYOUTS.join('|')} -o OUT [--base PATH] [--dry-run] [--json]`],
  summary: 'write a LoRA under the names of another library, factors bit by bit the same, scale exact',
  options: [
    { name: 'to', value: 'LAYOUT', help: WRITTEN_LAYOUTS.join(', ') },
    { name: 'base', value: 'PATH', help: 'tells module names where the adapter has underscores for dots' },
    ...WRITE_OPTIONS,
  ],
  async run(given, session) {
    const action = actionOf(given);
    return action.ok ? runWrite(action.value, given, session) : session.fail(action.problem);
  },
};

function actionOf(given: Arguments): Result<LayoutAction> {
  const path = onlyPath(given, 'convert-layout');
  if (!path.ok) return path;
  const to = given.text('to');
  const layout = WRITTEN_LAYOUTS.find((each) => each === to?.toLowerCase());
  if (layout === undefined) {
    const action = `Give one of ${WRITTEN_LAYOUTS.join(', ')} with --to.`;
    return failure(
      wrongUse(to === undefined ? 'The layout is missing.' : `There is no layout ${to}.`, action),
    );
  }
  return success({ kind: 'layout', path: path.value, base: pathOption(given, 'base'), layout });
}

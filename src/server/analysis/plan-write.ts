import { planConversion } from '../../merge/convert';
import type { MergeContext, WritePlan } from '../../merge/plan';
import type { Result } from '../../protocol/result';
import type { ConvertAction, WriteAction } from '../../protocol/write';
import { companionsOf } from './companions';
import type { AnalysisContext } from './context';

/** Opens what an action reads, and plans what it writes. Fails as both do. */
export function planWrite(
  action: WriteAction,
  output: string,
  _merging: MergeContext,
  context: AnalysisContext,
): Promise<Result<WritePlan>> {
  switch (action.kind) {
    case 'convert':
      return convert(action, output, context);
    default:
      throw new Error(action.kind);
  }
}

async function convert(
  action: ConvertAction,
  output: string,
  { directories }: AnalysisContext,
): Promise<Result<WritePlan>> {
  const opened = await directories.open(action.path);
  if (!opened.ok) return opened;
  return planConversion(opened.value, action, output, await companionsOf(opened.value));
}

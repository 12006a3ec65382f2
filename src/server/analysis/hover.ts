import { hover } from '../../lint/hover';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { lintContextOf } from './lint-context';

/** Explains what stands at one place of a document; `null` where there is nothing to say. */
export async function hoverOver(
  { path, line, lineNumber, character, roots }: RequestParams<'deltalens/hover'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/hover'>> {
  return success(await hover(path, line, lineNumber, character, lintContextOf(context, roots)));
}

import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';

/** Forgets all results of lenses, in memory and on disk. */
export async function clearCache(
  _params: RequestParams<'deltalens/clearCache'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/clearCache'>> {
  return success({ bytes: await context.results.clear() });
}

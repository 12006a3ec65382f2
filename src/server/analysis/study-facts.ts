import { openStudy } from '../../model/open-study';
import { studyFacts } from '../../model/study-facts';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';

/** Opens a study and tells what is in it. Fails as opening does. */
export async function factsOfStudy(
  { study }: RequestParams<'deltalens/studyFacts'>,
  { directories }: AnalysisContext,
): Promise<RequestResult<'deltalens/studyFacts'>> {
  const opened = await openStudy(study, { open: (path) => directories.open(path) });
  return opened.ok ? success(studyFacts(opened.value)) : opened;
}

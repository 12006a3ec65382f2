import { makeStudy as studyFrom, type StudyCandidate } from '../../model/make-study';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { failure } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { findBase, openDescribed } from './open-described';

/** Makes a study of a selection. Fails with `study-base-unknown`, `study-invalid`, or as opening a path does. */
export async function makeStudy(
  { paths, base, roots }: RequestParams<'deltalens/makeStudy'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/makeStudy'>> {
  const candidates: StudyCandidate[] = [];
  for (const path of new Set(paths)) {
    const opened = await openDescribed(path, context);
    if (!opened.ok) return opened;
    const { checkpoint, adapter, adapterProblem } = opened.value;
    if (adapterProblem) return failure(adapterProblem);
    const basePath = base === undefined ? await findBase(opened.value, roots, context) : null;
    candidates.push({ path, checkpoint, ...(adapter ? { adapter: { basePath } } : {}) });
  }
  return studyFrom(candidates, base);
}

import { completeStudy } from '../../lint/complete-study';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';

/** Says what may be written at a place of a study. */
export async function complete({
  path,
  text,
  line,
  character,
}: RequestParams<'deltalens/complete'>): Promise<RequestResult<'deltalens/complete'>> {
  return success(/\.study\.ya?ml$/.test(path) ? await completeStudy(path, text, line, character) : []);
}

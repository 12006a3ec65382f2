import { attachToStudy } from '../../model/attach-network';
import { formatStudy } from '../../model/study-file';
import type { RequestParams, RequestResult } from '../../protocol/requests';

/** Writes a graph and data sets into the text of a study. Fails as parsing it does. */
export function attach({
  path,
  text,
  study,
  attachment,
}: RequestParams<'deltalens/attach'>): Promise<RequestResult<'deltalens/attach'>> {
  return Promise.resolve(attachToStudy(text ?? formatStudy(study, path), path, attachment));
}

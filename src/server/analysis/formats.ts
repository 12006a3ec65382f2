import { FORMATS } from '../../format/registry';
import type { RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';

/** Describes every container format there is. */
export function formats(): Promise<RequestResult<'deltalens/formats'>> {
  return Promise.resolve(success(FORMATS.map((format) => format.description)));
}

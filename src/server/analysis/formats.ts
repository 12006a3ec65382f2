import { HUB_DESCRIPTION } from '../../format/hub/description';
import { FORMATS } from '../../format/registry';
import type { RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';

/** Describes every container format there is, and the Hub. */
export function formats(): Promise<RequestResult<'deltalens/formats'>> {
  return Promise.resolve(success([...FORMATS.map((format) => format.description), HUB_DESCRIPTION]));
}

import { LENSES } from '../../lens/registry';
import type { RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';

/** Describes every lens there is. */
export function lenses(): Promise<RequestResult<'deltalens/lenses'>> {
  return Promise.resolve(success(LENSES.map((lens) => lens.description)));
}

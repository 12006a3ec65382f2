import type { LensDescription, ParameterValues } from '../protocol/lens';
import { success, type Result } from '../protocol/result';
import type { AnalysisClient } from './client';

/** The lens that a comparison and a study open with. */
export const FIRST_LENS = 'delta-profile';

/** The server's registry of lenses, asked for once. */
export class LensRegistry {
  private known: readonly LensDescription[] | undefined;

  constructor(private readonly client: AnalysisClient) {}

  /** Every lens there is. */
  async all(): Promise<Result<readonly LensDescription[]>> {
    if (this.known) return success(this.known);
    const answer = await this.client.request('deltalens/lenses', {});
    if (answer.ok) this.known = answer.value;
    return answer;
  }

  /** The lens with this id, or `null` where the server has none or did not answer. */
  async find(id: string): Promise<LensDescription | null> {
    const lenses = await this.all();
    return (lenses.ok && lenses.value.find((lens) => lens.id === id)) || null;
  }
}

/** The declared defaults, so that two runs which mean the same are the same. */
export function defaultParameters(lens: LensDescription | null): ParameterValues {
  return Object.fromEntries((lens?.parameters ?? []).map(({ name, default: value }) => [name, value]));
}

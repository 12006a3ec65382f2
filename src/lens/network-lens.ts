import { openStudyNetwork, type StudyNetwork } from '../graph/study-network';
import type { Study } from '../model/study';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import type { Result } from '../protocol/result';
import { sampleChoice } from './activations/sample-parameters';
import type { LensContext } from './lens';
import { checkNeeds } from './needs';

/**
 * What every lens begins with that runs the network: checks what the lens needs, opens graph and data, and chooses the
 * samples that the parameters ask for. Fails as {@link checkNeeds} and {@link openStudyNetwork} do.
 */
export async function networkOf(
  study: Study,
  description: LensDescription,
  parameters: ParameterValues,
  context: LensContext,
): Promise<Result<StudyNetwork>> {
  const needs = checkNeeds(study, description);
  if (!needs.ok) return needs;
  context.progress(0, 'Reading the graph');
  return openStudyNetwork(study, sampleChoice(parameters));
}

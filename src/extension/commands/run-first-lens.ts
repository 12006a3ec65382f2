import type { Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { defaultParameters, FIRST_LENS } from '../lens-registry';
import { showProblem } from '../show-problem';

/** Opens the delta profile of a study, or tells why there is none. `undefined`: the user broke it off. */
export async function runFirstLens(
  { lenses, results }: DeltalensContext,
  study: Result<StudySpec> | undefined,
): Promise<void> {
  if (!study) return;
  if (!study.ok) return showProblem(study.problem);
  const parameters = defaultParameters(await lenses.find(FIRST_LENS));
  results.show({ lens: FIRST_LENS, study: study.value, parameters });
}

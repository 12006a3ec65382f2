import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import { wholeText } from './wording';

/** Checks base and number of tasks against what a lens needs. Fails with `lens-needs-base` or `lens-needs-tasks`. */
export function checkNeeds(study: Study, { title, needs }: LensDescription): Result<null> {
  if (needs.base === 'required' && study.base === null) {
    return failure({
      code: 'lens-needs-base',
      message: `"${title}" compares with a base, and the study "${study.spec.name}" has none.`,
      action: 'Choose the base: "Deltalens: Select as Base", or --base on the command line.',
    });
  }
  const { minimum, maximum = Infinity } = needs.tasks;
  if (study.tasks.length >= minimum && study.tasks.length <= maximum) return success(null);
  const tooFew = study.tasks.length < minimum;
  const wanted = tooFew ? `at least ${wholeText(minimum)}` : `at most ${wholeText(maximum)}`;
  const noun = (tooFew ? minimum : maximum) === 1 ? 'task' : 'tasks';
  return failure({
    code: 'lens-needs-tasks',
    message: `"${title}" needs ${wanted} ${noun}; the study "${study.spec.name}" has ${wholeText(study.tasks.length)}.`,
    action: tooFew
      ? 'Add fine-tuned checkpoints or adapters of the base: select them together, or NAME=PATH on the command line.'
      : 'Leave out some of the fine-tuned checkpoints or adapters.',
  });
}

/**
 * Fails with `lens-needs-base` where there is none and no adapter has a task vector by itself, else with `no-task-vector` where no
 * task has anything to compare: what is wrong then stands in the findings.
 */
export function checkTaskVectors(study: Study): Result<null> {
  if (study.tasks.some(({ deltas }) => deltas.size > 0)) return success(null);
  if (study.base === null) {
    return failure({
      code: 'lens-needs-base',
      message: `The study "${study.spec.name}" has no base, and without one only adapters can be compared.`,
      action: 'Choose the base: "Deltalens: Select as Base", or --base on the command line.',
    });
  }
  const reason = study.findings.find(({ severity }) => severity === 'error') ?? study.findings[0];
  return failure({
    code: 'no-task-vector',
    message: `No task of "${study.spec.name}" has a tensor to compare.${reason ? ` ${reason.message}` : ''}`,
    action: reason?.help ?? 'Check that base and tasks belong together.',
    ...(reason ? { path: reason.path } : {}),
  });
}

/** Fails with `no-task-vector`: no tensor has finite entries in every task. `findings` are those of reading. */
export function noCommonTensor(study: Study, findings: readonly Finding[]): Result<never> {
  const reason = [...study.findings, ...findings].find(({ severity }) => severity !== 'information');
  return failure({
    code: 'no-task-vector',
    message: `No tensor is in all tasks of "${study.spec.name}" with entries to compare.${reason ? ` ${reason.message}` : ''}`,
    action: 'Leave out the tasks that lack the tensors of the others.',
    ...(reason ? { path: reason.path } : {}),
  });
}

/**
 * The study without the tasks that have no tensor to compare (an adapter of another kind, a fine-tune that shares no tensor):
 * the findings of the study say why, and to count them as unchanged would be wrong. Fails as {@link checkNeeds} and
 * {@link checkTaskVectors} do, with `no-task-vector` too where fewer tasks are left than the lens needs.
 */
export function comparedStudy(study: Study, description: LensDescription): Result<Study> {
  const needs = checkNeeds(study, description);
  if (!needs.ok) return needs;
  const something = checkTaskVectors(study);
  if (!something.ok) return something;
  const tasks = study.tasks.filter(({ deltas }) => deltas.size > 0);
  const { minimum } = description.needs.tasks;
  if (tasks.length >= minimum)
    return success(tasks.length === study.tasks.length ? study : { ...study, tasks });
  const reason = study.findings.find(({ severity }) => severity === 'error');
  return failure({
    code: 'no-task-vector',
    message: `"${description.title}" needs at least ${wholeText(minimum)} tasks; of "${study.spec.name}" only ${tasks.map(({ name }) => name).join(', ')} can be compared.${reason ? ` ${reason.message}` : ''}`,
    action: reason?.help ?? 'Check that base and tasks belong together.',
    ...(reason ? { path: reason.path } : {}),
  });
}

import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';

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
  const wanted = study.tasks.length < minimum ? `at least ${String(minimum)}` : `at most ${String(maximum)}`;
  const noun = (study.tasks.length < minimum ? minimum : maximum) === 1 ? 'task' : 'tasks';
  return failure({
    code: 'lens-needs-tasks',
    message: `"${title}" needs ${wanted} ${noun}; the study "${study.spec.name}" has ${String(study.tasks.length)}.`,
    action: 'Add or leave out fine-tuned checkpoints or adapters.',
  });
}

/** Fails with `no-task-vector` where no task has anything to compare: what is wrong then stands in the findings. */
export function checkTaskVectors(study: Study): Result<null> {
  if (study.tasks.some(({ deltas }) => deltas.size > 0)) return success(null);
  const reason = study.findings.find(({ severity }) => severity === 'error') ?? study.findings[0];
  return failure({
    code: 'no-task-vector',
    message: `No task of "${study.spec.name}" has a tensor to compare.${reason ? ` ${reason.message}` : ''}`,
    action: reason?.help ?? 'Check that base and tasks belong together.',
    ...(reason ? { path: reason.path } : {}),
  });
}

import type { Study } from '../model/study';
import type { PlacedAdapter, TaskVector } from '../model/task-vector';
import { failure, success, type Result } from '../protocol/result';

/** A task that is an adapter, with its place among the tasks of the study. */
export interface AdapterTask {
  readonly index: number;
  readonly name: string;
  readonly task: TaskVector;
  readonly adapter: PlacedAdapter;
}

/** The adapters of a study. Fails with `no-task-vector` where it has none: what is wrong then stands in the findings. */
export function adapterTasks(study: Study): Result<readonly AdapterTask[]> {
  const adapters = study.tasks.flatMap((task, index): AdapterTask[] =>
    task.adapter ? [{ index, name: task.name, task, adapter: task.adapter }] : [],
  );
  if (adapters.length > 0) return success(adapters);
  const reason = study.findings.find(({ severity }) => severity === 'error');
  return failure({
    code: 'no-task-vector',
    message: `No task of "${study.spec.name}" is an adapter.${reason ? ` ${reason.message}` : ''}`,
    action: reason?.help ?? 'Add a folder or file of a LoRA or another adapter.',
    ...(reason ? { path: reason.path } : {}),
  });
}

import { networkOrder } from '../model/naming';
import type { Study } from '../model/study';
import type { TensorGroup } from './group-pass';

/** Every tensor of the base that some task changes, in network order, with the tasks that do. */
export function tensorGroups(study: Study): TensorGroup[] {
  const entries = new Map(study.base?.tensors.map((entry) => [entry.name, entry]) ?? []);
  return networkOrder([...entries.keys()]).flatMap((name) => {
    const base = entries.get(name);
    const members = study.tasks.flatMap(({ deltas }, task) => {
      const delta = deltas.get(name);
      return delta ? [{ task, delta }] : [];
    });
    return base && members.length > 0 ? [{ base, members }] : [];
  });
}

import { ModelFindings } from '../model/model-findings';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import type { TensorGroup } from './group-pass';
import { wholeText } from './wording';

/**
 * One finding per task and tensor of which entries were left out because base or task is not finite there: without it
 * figures over the rest would look like figures of the whole. `sums` stand in the order of the groups.
 */
export function skippedEntries(
  { tasks }: Study,
  groups: readonly TensorGroup[],
  sums: readonly { readonly tasks: readonly { readonly skipped: number | null }[] }[],
): readonly Finding[] {
  const findings = tasks.map(({ checkpoint }) => new ModelFindings(checkpoint.path));
  for (const [index, { base, members }] of groups.entries()) {
    for (const [position, { task }] of members.entries()) {
      const skipped = sums[index]?.tasks[position]?.skipped ?? 0;
      if (skipped === 0) continue;
      const share = `${wholeText(skipped)} of ${wholeText(base.span.count)} entries of ${base.name}`;
      findings[task]?.add(
        'task-tensor-not-finite',
        `${tasks[task]?.name ?? ''}: ${share} are left out: they are NaN or infinite here or in the base.`,
        base.name,
      );
    }
  }
  return findings.flatMap((each) => each.all());
}

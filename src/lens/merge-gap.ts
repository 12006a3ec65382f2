import type { Study } from '../model/study';
import type { TensorEntry } from '../format/checkpoint';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { success, type Result } from '../protocol/result';
import type { MergeRule } from '../tensor/row-products';
import { crossTable, crossTerms } from './cross-terms';
import { gapOf } from './gap-sums';
import { streamGroups, type TensorGroup } from './group-pass';
import { lambdasOf } from './lambda-parameter';
import type { Lens } from './lens';
import { gapMatrices, gapNote, gapTable, gapTasks, rowTable, type TensorGap } from './merge-gap-artifacts';
import { comparedStudy } from './needs';
import { partOf } from './progress-part';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

const USUAL = 0.3;

const description: LensDescription = {
  id: 'merge-gap',
  version: 1,
  title: 'What would a merge lose?',
  summary:
    'Compares a proposed merge with each task row by row, before anything is written: which tasks it keeps, which it loses, and in which layers.',
  formula:
    'm = Σ λₜτₜ (or another method);  gap = Σᵣ⟨τᵣ, τᵣ − mᵣ⟩² / Σᵣ‖τᵣ‖⁴ over rows r;  residual ‖τ − m‖/‖τ‖;  cross terms of merged factors (Σ βᵢBᵢ)(Σ βⱼAⱼ) − Σ wᵢsᵢBᵢAᵢ, βᵢ = √(wᵢsᵢ)',
  reading:
    'A gap of 0 means that the merge holds the task’s own change in every row, 1 that it holds nothing of it; above 1 it points against it. The residual counts the other tasks’ changes as well, so it stays large even for a good merge. Compare methods and weights by running the lens again.',
  source: [
    {
      title: 'Modeling Multi-Task Model Merging as Adaptive Projective Gradient Descent (Wei et al. 2025)',
      link: 'https://arxiv.org/abs/2501.01230',
    },
    {
      title: 'LoraHub: Efficient Cross-Task Generalization via Dynamic LoRA Composition (Huang et al. 2024)',
      link: 'https://arxiv.org/abs/2307.13269',
    },
    {
      title: 'TIES-Merging: Resolving Interference When Merging Models (Yadav et al. 2023)',
      link: 'https://arxiv.org/abs/2306.01708',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'method',
      title: 'Merge method',
      help: 'Task arithmetic adds λₜτₜ; the mean divides the sum by the number of tasks; sign election is TIES without trimming, times λ.',
      type: 'choice',
      default: 'task_arithmetic',
      choices: [
        { value: 'task_arithmetic', title: 'Task arithmetic' },
        { value: 'mean', title: 'Mean' },
        { value: 'sign_election', title: 'Sign election (TIES without trimming)' },
      ],
    },
    {
      name: 'lambda',
      title: 'λ',
      help: 'One number for all tasks (0.3), or one per task (rot90=0.5,invert=0.4). Sign election takes the first task’s; the mean takes none.',
      type: 'text',
      default: String(USUAL),
    },
  ],
};

/** Rows kept of each tensor and task: the worst of all are found among them. */
const WORST_ROWS = 4;

/** A linear or elected merge against each task, row by row, and the cross terms of merging factors apart. */
export const mergeGap: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const method = String(parameters['method'] ?? 'task_arithmetic');
    const weights = weightsOf(study, given, method, parameters);
    if (!weights.ok) return weights;
    const groups = tensorGroups(study);
    const gaps: TensorGap[] = [];
    const skips: { tasks: { skipped: number }[] }[] = [];
    const read = await streamGroups(groups, partOf(context, 0, 0.9), {
      itemOf: (group, tasks) => ({
        kind: 'rowProducts',
        base: group.base.span,
        tasks,
        rowLength: rowLengthOf(group.base),
        merge: ruleOf(group, method, weights.value),
      }),
      take: (outcome, { base, members }) => {
        if (outcome.kind !== 'rowProducts') return;
        for (const [position, { task }] of members.entries())
          gaps.push({ task, tensor: base.name, ...gapOf(outcome, position, WORST_ROWS) });
        skips.push({ tasks: Array.from(outcome.skipped, (skipped) => ({ skipped })) });
      },
      outcomeBytes: ({ base, members }) => (16 * members.length + 8) * (base.span.count / rowLengthOf(base)),
    });
    if (!read.ok) return read;
    const cross = await crossTerms(groups, weights.value, partOf(context, 0.9, 1));
    if (!cross.ok) return cross;
    const crossed = crossTable(cross.value);
    const artifacts: Artifact[] = [
      gapNote(study, gaps, cross.value, method.replace('_', ' ')),
      ...gapMatrices(study, gaps),
      gapTasks(study, gaps, method === 'sign_election' ? null : weights.value),
      ...(crossed ? [crossed] : []),
      rowTable(study, gaps),
      gapTable(study, gaps),
    ];
    return success({ artifacts, findings: skippedEntries(study, groups, skips), bytesRead: read.value });
  },
};

/** One weight per task of `study`; tasks of `given` that are left out may be named, too. */
function weightsOf(
  { tasks }: Study,
  given: Study,
  method: string,
  parameters: ParameterValues,
): Result<readonly number[]> {
  if (method === 'mean') return success(tasks.map(() => 1 / tasks.length));
  return lambdasOf(
    String(parameters['lambda'] ?? USUAL),
    tasks.map(({ name }) => name),
    USUAL,
    given.tasks.map(({ name }) => name),
  );
}

function ruleOf({ members }: TensorGroup, method: string, weights: readonly number[]): MergeRule {
  return method === 'sign_election'
    ? { kind: 'elected', scale: weights[0] ?? USUAL }
    : { kind: 'weighted', weights: members.map(({ task }) => weights[task] ?? 0) };
}

/** Entries of a row: all but the first dimension; a tensor of one dimension is one row. */
function rowLengthOf({ span }: TensorEntry): number {
  const [rows = 1, ...rest] = span.shape;
  return Math.max(1, rest.length > 0 && rows > 0 ? span.count / rows : span.count);
}

import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { isFloating } from '../model/dense-task';
import { ModelFindings } from '../model/model-findings';
import { networkOrder, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { failure, success } from '../protocol/result';
import { freeBaseName } from './base-name';
import { streamGroups } from './group-pass';
import type { Lens } from './lens';
import { checkNeeds } from './needs';
import {
  nestedHeatmaps,
  nestedSeries,
  nestedTable,
  nestedNote,
  type NestedCheckpoint,
} from './nested-figures';
import { nestedUnits } from './prefix-energy';
import { wholeText } from './wording';

const description: LensDescription = {
  id: 'nestedness',
  version: 1,
  title: 'Can the network be made narrower?',
  summary:
    'Tells whether the leading rows and columns of every weight hold more than their share, as in networks trained to be cut to smaller widths.',
  formula:
    'energy(k) = Σ_{i≤k} ‖wᵢ‖² / ‖W‖², against k/n;  nestedness = area between energy(k) and k/n, as a part of the same area with units sorted;  spearman = rank correlation of ‖wᵢ‖ with falling index',
  reading:
    'In a network trained with nested widths (slimmable, SortedNet, Matryoshka) the first units hold the most: nestedness and rank correlation are near 1, and the first half holds far more than half. In an ordinary network units have no order: both are near 0, within about ±2/√n by chance. Then a width can only be cut after sorting units, and the column "sorted half" says how much the best half would hold. Rows are output units, columns input units; units that pass from one tensor to the next must be cut together.',
  source: [
    {
      title:
        'SortedNet: A Scalable and Generalized Framework for Training Modular Deep Neural Networks (Valipour et al. 2023)',
      link: 'https://arxiv.org/abs/2309.00255',
    },
    {
      title: 'Efficient Controllable Multi-Task Architectures (Aich et al. 2023)',
      link: 'https://arxiv.org/abs/2308.11744',
    },
    {
      title: '2D Matryoshka Sentence Embeddings (Li et al. 2024)',
      link: 'https://arxiv.org/abs/2402.14776',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: false },
  parameters: [],
};

/** Energy of the leading rows and columns of every weight of two dimensions or more, of base and fine-tunes. */
export const nestedness: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const checkpoints = checkpointsOf(study);
    const weights = checkpoints.flatMap(({ name, checkpoint }) =>
      weightsOf(checkpoint).map((base) => ({ base, members: [], checkpoint: name })),
    );
    if (weights.length === 0) {
      return failure({
        code: 'lens-needs-tasks',
        message: `The study "${study.spec.name}" has no checkpoint with a weight of two dimensions; adapters have no widths of their own.`,
        action: 'Name a base or a fine-tuned checkpoint.',
      });
    }
    const found = new Map<string, NestedCheckpoint>(
      checkpoints.map(({ name }) => [name, { name, tensors: [] }]),
    );
    const findings = new Map(weights.map(({ base }) => [base.span.path, new ModelFindings(base.span.path)]));
    let next = 0;
    const read = await streamGroups(weights, context, {
      itemOf: ({ base }) => {
        const [, columns = 1, ...rest] = base.span.shape;
        const depth = rest.reduce((product, size) => product * size, 1);
        return { kind: 'axisSquares', span: base.span, columns, depth };
      },
      outcomeBytes: ({ base }) => 8 * ((base.span.shape[0] ?? 0) + (base.span.shape[1] ?? 0)),
      take: (outcome, { base }) => {
        const name = weights[next++]?.checkpoint ?? '';
        if (outcome.kind !== 'axisSquares') return;
        const axes = { rows: nestedUnits(outcome.rows), columns: nestedUnits(outcome.columns) };
        found.get(name)?.tensors.push({ entry: base, place: placeOf(base.name), axes });
        if (outcome.skipped > 0)
          findings
            .get(base.span.path)
            ?.add('task-tensor-not-finite', skipText(base, outcome.skipped), base.name);
      },
    });
    if (!read.ok) return read;
    const nested = [...found.values()].filter(({ tensors }) => tensors.length > 0);
    return success({
      artifacts: [
        nestedNote(study, nested),
        ...nestedHeatmaps(nested),
        ...nestedSeries(nested),
        nestedTable(nested),
      ],
      findings: [...findings.values()].flatMap((each) => each.all()),
      bytesRead: read.value,
    });
  },
};

function skipText({ name, span }: TensorEntry, skipped: number): string {
  return `${wholeText(skipped)} of ${wholeText(span.count)} entries of ${name} are left out: they are NaN or infinite.`;
}

/** The base and every fine-tune; adapters have no widths of their own. */
function checkpointsOf(study: Study): { name: string; checkpoint: Checkpoint }[] {
  const names = study.tasks.map(({ name }) => name);
  const dense = study.tasks.filter(({ kind }) => kind === 'dense');
  return [
    ...(study.base ? [{ name: freeBaseName(names), checkpoint: study.base }] : []),
    ...dense.map(({ name, checkpoint }) => ({ name, checkpoint })),
  ];
}

/** Floating-point tensors of two dimensions or more that have entries, in network order. */
function weightsOf(checkpoint: Checkpoint): TensorEntry[] {
  const byName = new Map(checkpoint.tensors.map((entry) => [entry.name, entry]));
  return networkOrder([...byName.keys()]).flatMap((name) => {
    const entry = byName.get(name);
    return entry && isFloating(entry) && entry.span.shape.length > 1 && entry.span.count > 0 ? [entry] : [];
  });
}

import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { networkOrder, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { failure, success } from '../protocol/result';
import { isComplex } from '../tensor/dtype';
import type { Moments } from '../tensor/pass';
import { freeBaseName } from './base-name';
import type { Lens } from './lens';
import { checkNeeds } from './needs';
import { nonFiniteFindings, nonFiniteNote } from './non-finite';
import { summaryAdvice } from './summary-advice';
import {
  breakdownTables,
  summaryMatrices,
  summaryTable,
  type SummarisedCheckpoint,
} from './summary-artifacts';

const description: LensDescription = {
  id: 'summary',
  version: 2,
  title: 'What is in a checkpoint?',
  summary:
    'Gives mean, spread, extremes, norms and zeros of every tensor of checkpoints and adapters, and names those that hold NaN or infinities.',
  formula:
    'mean = Σx/n;  std = √(Σ(x − mean)²/n);  l1 = Σ|x|;  l2 = √Σx²;  absmax = max|x|;  over the finite entries',
  reading:
    'Look for NaN and infinities first: the note names their positions. Then for layers whose spread or largest entry stands out from their neighbours, and for tensors that hold nothing but zeros. A greatest magnitude of many standard deviations means a few very large entries, which quantisation handles badly.',
  source: [
    {
      title:
        'Updating Formulae and a Pairwise Algorithm for Computing Sample Variances (Chan, Golub, LeVeque 1979)',
      link: 'https://doi.org/10.1007/978-3-642-51461-6_3',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 0 }, factored: true },
  parameters: [],
};

/** Statistics of every tensor of base and tasks; of an adapter's own tensors, not of its task vector. */
export const summary: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const checkpoints = checkpointsOf(study);
    if (checkpoints.length === 0) {
      return failure({
        code: 'lens-needs-tasks',
        message: `The study "${study.spec.name}" has nothing to summarise.`,
        action: 'Name a checkpoint or an adapter.',
      });
    }
    const work = checkpoints.flatMap(({ tensors }) => tensors.map(({ entry }) => entry).filter(isReal));
    const total = work.reduce((sum, { span }) => sum + span.bytes, 0);
    const outcomes = await context.passes.run(
      work.map(({ span }) => ({ kind: 'moments', span })),
      {
        signal: context.signal,
        onBytes: (done) => context.progress(total > 0 ? done / total : 1, 'Reading tensors'),
      },
    );
    if (!outcomes.ok) return outcomes;
    const moments = new Map<TensorEntry, Moments>();
    for (const [index, entry] of work.entries()) {
      const outcome = outcomes.value[index];
      if (outcome?.kind === 'moments') moments.set(entry, outcome);
    }
    const summarised = checkpoints.map((each) => ({ ...each, moments }));
    const note = nonFiniteNote(summarised);
    const artifacts: Artifact[] = [
      ...(note ? [note] : []),
      summaryAdvice(summarised),
      ...summaryMatrices(summarised),
      ...breakdownTables(summarised),
      summaryTable(summarised),
    ];
    return success({ artifacts, findings: nonFiniteFindings(summarised), bytesRead: total });
  },
};

/** Base and tasks, each with its tensors in network order. */
function checkpointsOf(study: Study): Omit<SummarisedCheckpoint, 'moments'>[] {
  const names = study.tasks.map(({ name }) => name);
  const base = study.base ? [named(freeBaseName(names), study.base)] : [];
  return [...base, ...study.tasks.map(({ name, checkpoint }) => named(name, checkpoint))];
}

function named(name: string, checkpoint: Checkpoint): Omit<SummarisedCheckpoint, 'moments'> {
  const byName = new Map(checkpoint.tensors.map((entry) => [entry.name, entry]));
  const tensors = networkOrder([...byName.keys()]).flatMap((tensor) => {
    const entry = byName.get(tensor);
    return entry ? [{ entry, place: placeOf(tensor) }] : [];
  });
  return { name, path: checkpoint.path, tensors };
}

/** Complex numbers have no order, hence neither extremes nor a sign: such tensors have no statistics. */
function isReal({ span }: TensorEntry): boolean {
  return !isComplex(span.dtype);
}

import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { pairsOf, type SignCounts } from '../tensor/task-masks';
import { streamGroups } from './group-pass';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { networkAxes } from './network-axes';
import { ScopeSums } from './scopes';
import {
  activitySeries,
  conflictHeatmaps,
  conflictMatrices,
  electionSeries,
  type ConflictCells,
} from './sign-figures';
import { conflictNote } from './sign-notes';
import { SignSums } from './sign-sums';
import { pairTable, scopeTable, taskTable, tensorTable, type SignedTensor } from './sign-tables';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

const description: LensDescription = {
  id: 'sign-conflict',
  version: 1,
  title: 'Where do tasks pull against each other?',
  summary:
    'Counts the entries that some tasks increased and others decreased, for every pair, layer and module, and shows how much of the change cancels when task vectors are added.',
  formula:
    'conflict(i, j) = |{τᵢ·τⱼ < 0}| / |{τᵢ ≠ 0 and τⱼ ≠ 0}|;  conflict_any = |{some τ > 0 and some τ < 0}| / n;  index = 1 − ‖Στ‖² / (T Σ‖τ‖²);  elected sign = sign(Στ)',
  reading:
    'Signs of unrelated tasks differ in half of the entries, so 0.5 is chance; clearly more means that two tasks undo each other, clearly less that they share a direction. The index is 0 for identical task vectors, 1 − 1/T for orthogonal ones and 1 where they cancel. With many tasks nearly every entry has both signs somewhere: compare layers with each other then, not with 0. A sign counts a tiny change like a large one: raise epsilon to see how many tasks really use an entry.',
  source: [
    {
      title: 'TIES-Merging: Resolving Interference When Merging Models (Yadav et al. 2023)',
      link: 'https://arxiv.org/abs/2306.01708',
    },
    {
      title: 'Merging Multi-Task Models via Weight-Ensembling Mixture of Experts (Tang et al. 2024)',
      link: 'https://arxiv.org/abs/2402.00433',
    },
    {
      title: 'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024)',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title:
        'Model Breadcrumbs: Scaling Multi-Task Model Merging with Sparse Masks (Davari and Belilovsky 2024)',
      link: 'https://arxiv.org/abs/2312.06795',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'epsilon',
      title: 'Least change that counts as active',
      help: 'An entry is inactive, unique to one task or shared by the number of tasks with |τ| > epsilon. Signs are counted of every change.',
      type: 'number',
      default: 0,
      minimum: 0,
    },
  ],
};

/** Cells of pairs that are kept for every layer and module: 16 MB of counts. */
const MOST_CELL_PAIRS = 1_000_000;

/** Opposing signs of task vectors for every pair, layer and module; the election of TIES; the conflict index. */
export const signConflict: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const epsilon = Number(parameters['epsilon'] ?? 0);
    const groups = tensorGroups(study);
    const n = study.tasks.length;
    const names = groups.map(({ base }) => base.name);
    const scopes = new ScopeSums(names, pairsOf(n), () => new SignSums(n, true));
    const axes = networkAxes(names.map(placeOf));
    const places = axes.rows.length * axes.columns.length;
    const withPairs = places * pairsOf(n) <= MOST_CELL_PAIRS;
    const cells: ConflictCells = {
      axes,
      sums: Array.from({ length: places }, () => null),
      rows: axes.rows.map(() => null),
      withPairs,
    };
    const tensors: SignedTensor[] = [];
    const read = await streamGroups(groups, context, {
      itemOf: ({ base }, tasks) => ({ kind: 'signs', base: base.span, tasks, epsilon }),
      outcomeBytes: ({ members }) => 16 * pairsOf(members.length),
      take: (counts, { base, members }) => {
        if (counts.kind !== 'signs') return;
        const tasks = members.map(({ task }) => task);
        const having = tasksWith(study, base.name, counts, tasks);
        const own = new SignSums(n, false);
        own.add(counts, tasks, having);
        const place = placeOf(base.name);
        tensors.push({ base, place, figures: own.figures(), skipped: counts.skipped });
        scopes.add(base.name, (sums) => sums.add(counts, tasks, having));
        const cell = axes.cellOf(place);
        (cells.sums[cell] ??= new SignSums(n, withPairs)).add(counts, tasks, having);
        const row = Math.floor(cell / axes.columns.length);
        (cells.rows[row] ??= new SignSums(n, false)).add(counts, tasks, having);
      },
    });
    if (!read.ok) return read;
    const found = scopes.list();
    const skips = tensors.map(({ skipped }) => ({
      tasks: Array.from(skipped, (each) => ({ skipped: each })),
    }));
    return success({
      artifacts: [
        conflictNote(study, found, cells),
        ...conflictHeatmaps(cells),
        ...conflictMatrices(study, found),
        activitySeries(cells, epsilon),
        electionSeries(cells),
        pairTable(study, found, scopes.leftOut),
        scopeTable(found, epsilon, scopes.leftOut),
        taskTable(study, found),
        tensorTable(tensors),
      ],
      findings: skippedEntries(study, groups, skips),
      bytesRead: read.value,
    });
  },
};

/**
 * How many tasks have a tensor: an adapter has every one, unchanged where it has no factors; a fine-tune has those that
 * it stores with a finite entry.
 */
function tasksWith(study: Study, tensor: string, counts: SignCounts, members: readonly number[]): number {
  const without = new Set(members.filter((_, position) => counts.skipped[position] === counts.count));
  return study.tasks.filter(
    ({ kind, deltas }, task) => !without.has(task) && (kind === 'factored' || deltas.has(tensor)),
  ).length;
}

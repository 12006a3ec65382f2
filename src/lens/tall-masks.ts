import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { pairsOf } from '../tensor/task-masks';
import { streamGroups } from './group-pass';
import { lambdasOf } from './lambda-parameter';
import type { Lens } from './lens';
import { densityHeatmaps, gridSeries, overlapMatrices, shareSeries, tasksOnHistogram } from './mask-figures';
import { MaskSums } from './mask-sums';
import { densityTable, histogramTable, maskNote, overlapTable, reconstructionTable } from './mask-tables';
import { maskStorageTable } from './mask-storage';
import { comparedStudy } from './needs';
import { networkAxes } from './network-axes';
import { ScopeSums } from './scopes';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

/** The values of λ that the authors search. */
const GRID = [0.2, 0.3, 0.4, 0.5, 0.6];
const USUAL = 0.4;

const description: LensDescription = {
  id: 'tall-masks',
  version: 1,
  title: 'Which weights does a task need after merging?',
  summary:
    'Finds for every task the entries in which the sum of all task vectors still does what the task did alone, and shows how these masks overlap.',
  formula:
    'mₜ = 1[|τₜ| > λ·|τ_MTL − τₜ|],  τ_MTL = Στ;  IoU = |mᵢ ∧ mⱼ| / |mᵢ ∨ mⱼ|;  containment = |mᵢ ∧ mⱼ| / |mᵢ|;  error = ‖mₜ∘τ_MTL − τₜ‖ / ‖τₜ‖',
  reading:
    'Entries in no mask are catastrophic: they serve no task once merged. Those in one mask are selfish, those in more are shared. Consensus merging drops the first two. A dense mask means that the sum keeps most of a task; a mask contained in another one belongs to tasks that use the same weights. A larger λ makes every mask smaller. The authors choose λ for each task from 0.2, 0.3, 0.4, 0.5, 0.6 by accuracy on validation data. The reconstruction error cannot choose it: entry by entry it is least at λ = 1, whatever the tasks are. The paper scales τ_MTL by a merging coefficient; its released code, which this follows, takes the plain sum for the masks and scales afterwards.',
  source: [
    {
      title: 'Localizing Task Information for Improved Model Merging and Compression (Wang et al. 2024)',
      link: 'https://arxiv.org/abs/2405.07813',
    },
    {
      title:
        'Concrete Subspace Learning based Interference Elimination for Multi-task Model Fusion (Tang et al. 2023)',
      link: 'https://arxiv.org/abs/2312.06173',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'lambda',
      title: 'λ',
      help: 'One number for all tasks (0.4), or one per task (rot90=0.5,invert=0.4). The authors search 0.2 to 0.6.',
      type: 'text',
      default: String(USUAL),
    },
    {
      name: 'grid',
      title: 'Try all λ that the authors search',
      help: 'Also draw density and reconstruction error of every task over λ = 0.2 … 0.6; takes about twice as long.',
      type: 'boolean',
      default: true,
    },
  ],
};

/** TALL masks: density, overlap, catastrophic, selfish and shared entries, reconstruction, storage. */
export const tallMasks: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const tasks = study.tasks.map(({ name }) => name);
    const others = given.tasks.map(({ name }) => name);
    const lambdas = lambdasOf(String(parameters['lambda'] ?? USUAL), tasks, USUAL, others);
    if (!lambdas.ok) return lambdas;
    const grid = parameters['grid'] === true ? GRID : [];
    const groups = tensorGroups(study);
    const n = tasks.length;
    const names = groups.map(({ base }) => base.name);
    const all = new MaskSums(n, grid.length, true);
    const scopes = new ScopeSums(names, n, () => new MaskSums(n, 0, false));
    const axes = networkAxes(names.map(placeOf));
    const cells = Array.from<MaskSums | null>({ length: axes.rows.length * axes.columns.length }).fill(null);
    const rows = axes.rows.map((): MaskSums | null => null);
    const skips: { tasks: { skipped: number }[] }[] = [];
    const read = await streamGroups(groups, context, {
      itemOf: ({ base, members }, own) => ({
        kind: 'masks',
        base: base.span,
        tasks: own,
        lambdas: members.map(({ task }) => lambdas.value[task] ?? USUAL),
        grid,
      }),
      outcomeBytes: ({ members }) => 8 * pairsOf(members.length),
      take: (counts, { base, members }) => {
        if (counts.kind !== 'masks') return;
        const own = members.map(({ task }) => task);
        const unchanged = unchangedTasks(study, base.name);
        const cell = axes.cellOf(placeOf(base.name));
        const row = Math.floor(cell / axes.columns.length);
        all.add(counts, own, unchanged);
        scopes.add(base.name, (sums) => sums.add(counts, own, unchanged));
        (cells[cell] ??= new MaskSums(n, 0, false)).add(counts, own, unchanged);
        (rows[row] ??= new MaskSums(n, 0, false)).add(counts, own, unchanged);
        skips.push({ tasks: Array.from(counts.skipped, (skipped) => ({ skipped })) });
      },
    });
    if (!read.ok) return read;
    return success({
      artifacts: [
        maskNote(study, all, lambdas.value),
        ...densityHeatmaps(study, axes, cells, lambdas.value),
        ...overlapMatrices(study, all),
        tasksOnHistogram(all),
        shareSeries(axes, rows),
        ...gridSeries(study, all, grid),
        densityTable(study, scopes.list(), scopes.leftOut),
        overlapTable(study, all),
        histogramTable(all),
        reconstructionTable(study, all, lambdas.value),
        maskStorageTable(study, groups),
      ],
      findings: skippedEntries(study, groups, skips),
      bytesRead: read.value,
    });
  },
};

/** Adapters without factors for a tensor: they leave it as it is, so that it is in none of their masks. */
function unchangedTasks(study: Study, tensor: string): number[] {
  return study.tasks.flatMap(({ kind, deltas }, task) =>
    kind === 'factored' && !deltas.has(tensor) ? [task] : [],
  );
}

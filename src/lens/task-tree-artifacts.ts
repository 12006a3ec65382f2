import type { Study } from '../model/study';
import type { AxisEntry, Matrix, Note, Series, Table, TableCell, Tree } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { agreementOf, costOf, type Branches, type Depth } from './branching';
import { averageLinkage, dendrogram } from './linkage';
import { rowRanges } from './row-ranges';
import { countText, shortNumber } from './wording';

/** A threshold and the branching that it gives. */
export interface Cut {
  readonly threshold: number;
  readonly branches: readonly Branches[];
}

const ORDER = 'Depths in network order: "input" holds the embeddings, "output" the last norm and the head.';

/** The tree of branches: two tasks join as high as the share of parameters that they do not have in common. */
export function branchTree(study: Study, branches: readonly Branches[]): Tree {
  const n = study.tasks.length;
  const total = branches.reduce((sum, { depth }) => sum + depth.parameters, 0);
  const apart = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    const own = branches.filter(({ groups }) => groups[i] !== groups[j]);
    return total > 0 ? own.reduce((sum, { depth }) => sum + depth.parameters, 0) / total : 0;
  });
  return dendrogram(taskAxis(study), averageLinkage(apart, n), {
    id: 'branching',
    title: 'Branches of the tasks',
    caption: `Tasks that join further down share more of the network: the height is the share of parameters above their branching point. ${ORDER}`,
    unit: 'share not in common',
  });
}

/** The dendrogram of one depth, on its own. */
export function depthTree(study: Study, { row, label, distances }: Depth): Tree {
  return dendrogram(taskAxis(study), averageLinkage(distances, study.tasks.length), {
    id: `tree:${row}`,
    title: `Tasks at one depth · ${label}`,
    facets: { depth: row },
    caption:
      'Average linkage over 1 − cos(τᵢ, τⱼ) of the tensors at this depth; 0 between tasks that both leave it unchanged.',
    unit: '1 − cos(τᵢ, τⱼ)',
  });
}

/** Depths × tasks: which branch each task takes. */
export function sharingMatrix(study: Study, branches: readonly Branches[]): Matrix {
  const most = Math.max(1, ...branches.map(({ count }) => count)) - 1;
  return {
    kind: 'matrix',
    id: 'branch-map',
    title: 'Branch of every task',
    caption: `Tasks with the same number at a depth share it. Numbers count the branches of a depth from 0. ${ORDER}`,
    rows: branches.map(({ depth }) => rowEntry(depth)),
    columns: taskAxis(study),
    rowTitle: 'layer',
    columnTitle: 'task',
    values: packNumbers(branches.flatMap(({ groups }) => groups)),
    unit: 'branch',
    scale: 'categorical',
    domain: [0, Math.max(1, most)],
  };
}

/** One row per depth, and the whole tree. */
export function branchTable(study: Study, branches: readonly Branches[]): Table {
  const parameters = branches.reduce((sum, { depth }) => sum + depth.parameters, 0);
  const whole = [branches.at(-1)?.count ?? null, null, agreementOf(branches), parameters, costOf(branches)];
  return {
    kind: 'table',
    id: 'branches',
    title: 'Branches by depth',
    caption: `The cost of a depth is its parameters once for each branch; "all" is the whole tree. Agreement is the mean cosine of two tasks that share the depth. ${ORDER}`,
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'branches', title: 'Branches', type: 'integer' },
      { name: 'groups', title: 'Tasks together', type: 'text' },
      { name: 'agreement', title: 'Agreement', type: 'number' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'cost', title: 'Cost in parameters', type: 'integer' },
    ],
    rows: [
      ...branches.map(({ depth, count, groups, agreement }): TableCell[] => [
        depth.row,
        count,
        groupsText(study, groups),
        agreement,
        depth.parameters,
        depth.parameters * count,
      ]),
      ['all', ...whole],
    ],
  };
}

const MOST_CUTS = 24;

/** Thresholds worth comparing: −1 (one network for all), 1 (separate networks), and quantiles of the cosines between. */
export function proposedCuts(depths: readonly Depth[], tasks: number): number[] {
  const cosines = depths
    .flatMap(({ distances }) =>
      [...distances].flatMap((value, at) => (Math.floor(at / tasks) < at % tasks ? [1 - value] : [])),
    )
    .sort((a, b) => a - b);
  const quantiles = Array.from(
    { length: MOST_CUTS },
    (_, k) => cosines[Math.floor((k * (cosines.length - 1)) / (MOST_CUTS - 1))] ?? 0,
  );
  return [...new Set([-1, ...quantiles, 1])].sort((a, b) => a - b);
}

/** What every threshold costs. */
export function cutTable(cuts: readonly Cut[], tasks: number, depths: readonly Depth[]): Table {
  const separate = separateCost(depths, tasks);
  return {
    kind: 'table',
    id: 'cuts',
    title: 'Cost of every cut',
    caption:
      'From one network for all tasks to separate ones. The share is of the parameters of separate networks; agreement is the mean cosine of tasks that share a depth, weighted by parameters, undefined where nothing is shared.',
    columns: [
      { name: 'agreement', title: 'Least agreement', type: 'number' },
      { name: 'cost', title: 'Parameters', type: 'integer' },
      { name: 'share', title: 'Share of separate networks', type: 'share' },
      { name: 'mean_agreement', title: 'Agreement inside branches', type: 'number' },
      { name: 'branches', title: 'Branches at the output', type: 'integer' },
    ],
    rows: cuts.map(({ threshold, branches }): TableCell[] => [
      threshold,
      costOf(branches),
      separate > 0 ? costOf(branches) / separate : null,
      agreementOf(branches),
      branches.at(-1)?.count ?? null,
    ]),
  };
}

/** Cost and agreement over the threshold. */
export function costCurve(cuts: readonly Cut[], tasks: number, depths: readonly Depth[]): Series {
  const separate = separateCost(depths, tasks);
  const costs = cuts.map(({ branches }) => (separate > 0 ? costOf(branches) / separate : null));
  const agreements = cuts.map(({ branches }) => agreementOf(branches));
  return {
    kind: 'series',
    id: 'cost',
    title: 'Cost against agreement',
    caption:
      'Share of the parameters of separate networks, and mean cosine of tasks that share a depth, for every threshold.',
    x: { title: 'least agreement', values: cuts.map(({ threshold }) => threshold) },
    lines: [
      { name: 'cost', values: packNumbers(costs) },
      { name: 'agreement inside branches', values: packNumbers(agreements) },
    ],
    unit: 'share, cosine',
  };
}

function separateCost(depths: readonly Depth[], tasks: number): number {
  return tasks * depths.reduce((sum, { parameters }) => sum + parameters, 0);
}

const GROUPS_SHOWN = 6;

/** In words: up to where to share, and what it saves. */
export function branchNote(study: Study, branches: readonly Branches[], agreement: number): Note {
  const rows = branches.map(({ depth }) => rowEntry(depth));
  const tasks = study.tasks.length;
  const shared = branches.flatMap(({ count }, at) => (count === 1 ? [at] : []));
  const alone = branches.findIndex(({ count }) => count === tasks);
  const separate = separateCost(
    branches.map(({ depth }) => depth),
    tasks,
  );
  const cost = separate > 0 ? (100 * costOf(branches)) / separate : 100;
  const lines = [
    shared.length > 0
      ? `Share ${rowRanges(rows, shared)} among all tasks: they agree there (mean cosine at least ${shortNumber(agreement)}) or leave it unchanged.`
      : `At the input the tasks do not agree by a mean cosine of ${shortNumber(agreement)}: nothing can be shared by all of them. The table "cuts" has what other values of the parameter "agreement" cost.`,
    ...divisions(study, branches).map(({ label, text }) => `From ${label} on keep together: ${text}.`),
    ...(alone >= 0 ? [`From ${rows[alone]?.label ?? ''} on every task needs its own.`] : []),
    `The tree costs ${shortNumber(cost)} % of ${countText(tasks, 'separate network')}.`,
    'Limits: proxy: agreement of weight changes stands in for the learned branching of the papers. Train the shared layers jointly and measure; fine-tunes cannot simply be joined at a branch.',
  ];
  return {
    kind: 'note',
    id: 'advice',
    title: 'Where to branch',
    severity: 'information',
    role: 'recommendation',
    text: lines.join('\n'),
  };
}

/** Where groups divide without every task standing alone. */
function divisions(study: Study, branches: readonly Branches[]): { label: string; text: string }[] {
  return branches
    .flatMap(({ depth, count, groups }, at) => {
      const divides = count > (branches[at - 1]?.count ?? 1) && count < study.tasks.length;
      return divides ? [{ label: depth.label, text: groupsText(study, groups) }] : [];
    })
    .slice(0, GROUPS_SHOWN);
}

function groupsText({ tasks }: Study, groups: readonly number[]): string {
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
  return Array.from({ length: count }, (_, group) =>
    groups.flatMap((own, task) => (own === group ? [tasks[task]?.name ?? ''] : [])).join(' + '),
  ).join(' | ');
}

function rowEntry({ row, label }: Depth): AxisEntry {
  return { label, layer: row };
}

function taskAxis({ tasks }: Study): AxisEntry[] {
  return tasks.map(({ name }) => ({ label: name, task: name }));
}

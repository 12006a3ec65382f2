import { isFloating } from '../model/dense-task';
import { compareRows, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { cancelled, success } from '../protocol/result';
import { branch, type Depth } from './branching';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { PairSums } from './pair-sums';
import { pause } from './pause';
import { taskGram, type TensorGram } from './task-gram';
import {
  branchNote,
  branchTable,
  branchTree,
  costCurve,
  cutTable,
  depthTree,
  proposedCuts,
  sharingMatrix,
  type Cut,
} from './task-tree-artifacts';

const description: LensDescription = {
  id: 'task-tree',
  version: 1,
  title: 'Where should tasks branch?',
  summary:
    'Proposes a tree in which tasks share layers from the input up as long as their fine-tunes agree, with the parameters that every cut costs.',
  formula:
    'at each depth, inside each group: average linkage over 1 − cos(τᵢ, τⱼ), cut at 1 − agreement; groups only divide on the way up;  cost = Σ over depths of groups × parameters',
  reading:
    'Follow the branches from the input to the output: where two tasks part, they need layers of their own from there on. The curve gives what every threshold costs against separate networks; a knee in it is a good cut. Cosines of fine-tunes are small even for related tasks, so compare thresholds rather than trust one.',
  source: [
    {
      title: 'Learning to Branch for Multi-Task Learning (Guo et al. 2020)',
      link: 'https://arxiv.org/abs/2006.01895',
    },
    {
      title: 'Automated Search for Resource-Efficient Branched Multi-Task Networks (Bruggemann et al. 2020)',
      link: 'https://arxiv.org/abs/2008.10292',
    },
    {
      title:
        'Multi-Task Structural Learning using Local Task Similarity induced Neuron Creation and Removal (Gurulingan et al. 2023)',
      link: 'https://arxiv.org/abs/2305.00441',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'agreement',
      title: 'Least agreement',
      help: 'Tasks share a layer while the mean cosine of their task vectors there is at least this.',
      type: 'number',
      default: 0.2,
      minimum: -1,
      maximum: 1,
    },
  ],
};

/** A branching of the tasks by the agreement of their task vectors, depth by depth, and its cost. */
export const taskTree: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const agreement = Number(parameters['agreement'] ?? 0.2);
    const gram = await taskGram(study, context);
    if (!gram.ok) return gram;
    const n = study.tasks.length;
    const depths = depthsOf(study, gram.value.tensors);
    const branches = branch(depths, n, agreement);
    const cuts: Cut[] = [];
    for (const threshold of proposedCuts(depths, n)) {
      await pause();
      if (context.signal.aborted) return cancelled();
      cuts.push({ threshold, branches: branch(depths, n, threshold) });
    }
    const artifacts: Artifact[] = [
      branchNote(study, branches, agreement),
      branchTree(study, branches),
      sharingMatrix(study, branches),
      costCurve(cuts, n, depths),
      ...depths.map((depth) => depthTree(study, depth)),
      branchTable(study, branches),
      cutTable(cuts, n, depths),
    ];
    return success({ artifacts, findings: gram.value.findings, bytesRead: gram.value.bytesRead });
  },
};

interface GrowingDepth {
  readonly label: string;
  parameters: number;
  readonly sums: PairSums;
  readonly changed: boolean[];
}

/** Every heatmap row of the base in network order, with the distances of the tasks in it. */
function depthsOf(study: Study, tensors: readonly TensorGram[]): Depth[] {
  const n = study.tasks.length;
  const rows = new Map<string, GrowingDepth>();
  for (const { name, span } of study.base?.tensors.filter(isFloating) ?? []) {
    const { row, layerLabel: label } = placeOf(name);
    const changed = new Array<boolean>(n).fill(false);
    const depth = rows.get(row) ?? { label, parameters: 0, sums: new PairSums(n), changed };
    depth.parameters += span.count;
    rows.set(row, depth);
  }
  for (const { tensor, gram, has } of tensors) {
    const depth = rows.get(placeOf(tensor).row);
    if (!depth) continue;
    depth.sums.add(gram, has);
    for (let task = 0; task < n; task++) {
      if (!has[task] || (gram[task * n + task] as number) > 0) depth.changed[task] = true;
    }
  }
  return [...rows]
    .sort(([a], [b]) => compareRows(a, b))
    .map(([row, { label, parameters, sums, changed }]) => ({
      row,
      label,
      parameters,
      distances: Float64Array.from({ length: n * n }, (_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        // Two tasks that both leave a layer as it was share it without loss.
        if (i === j || (!changed[i] && !changed[j])) return 0;
        return 1 - (sums.cosine(i, j) ?? 0);
      }),
    }));
}

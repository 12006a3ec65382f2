import { isTrainingRun } from '../model/training-run';
import type { Artifact, Note } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { freezeTable, trajectoryAdvice } from './freeze-order';
import type { Lens } from './lens';
import { comparedStudy, noCommonTensor } from './needs';
import { partOf } from './progress-part';
import { lossSeries, runOrder } from './run-order';
import { runSubspaces, subspaceArtifacts } from './run-subspaces';
import { taskGram } from './task-gram';
import { driftMatrices, driftScopes, driftTable, runCurves, stepTable } from './trajectory-artifacts';

const description: LensDescription = {
  id: 'trajectory',
  version: 1,
  title: 'How did training get there?',
  summary:
    'Follows the checkpoints of a training run: how far every layer moved at each step, when it came to rest, and whether late training undoes early training.',
  formula:
    'τₛ = θₛ − θ₀;  drift ‖θₛ − θₛ₋₁‖ / ‖θₛ₋₁‖;  stage cosine cos(θₛ − θₛ₋₁, θₛ₋₁ − θₛ₋₂);  rotation 1 − ‖UₛᵀUₛ₋₁‖²/k of the leading left singular vectors of τₛ',
  reading:
    'Rows that fade early are layers that came to rest: candidates for freezing in a repeat. A cosine with the last near 1 long before the end means that later steps only lengthen the same change. A stage cosine below 0 means that a stage takes back part of the one before. Name the folder of a run to see all its checkpoints; while training runs, the newest one is taken in as soon as it is complete.',
  source: [
    {
      title: 'Does Continual Learning Equally Forget All Parameters? (Zhao et al. 2023)',
      link: 'https://arxiv.org/abs/2304.04158',
    },
    {
      title:
        'Order Matters in the Presence of Dataset Imbalance for Multilingual Learning (Choi et al. 2023)',
      link: 'https://arxiv.org/abs/2312.06134',
    },
    {
      title: 'Critical Learning Periods Emerge Even in Deep Linear Networks (Kleinman et al. 2023)',
      link: 'https://arxiv.org/abs/2308.12221',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true, parts: ['run'] },
  parameters: [
    {
      name: 'rank',
      title: 'Singular values to follow',
      help: 'So many leading singular values and vectors of τ of every matrix are followed along the run; 0 leaves them out, which is much faster for large models.',
      type: 'number',
      default: 4,
      minimum: 0,
      maximum: 64,
      integer: true,
    },
    {
      name: 'settled',
      title: 'Settled within',
      help: 'A layer counts as settled while its distance to the last checkpoint is at most this share of its whole change.',
      type: 'number',
      default: 0.1,
      minimum: 0,
      maximum: 1,
    },
  ],
};

/** What takes the place of advice where there is no run to give it on. */
const NO_RUN: Note = {
  kind: 'note',
  id: 'no-run',
  title: 'These tasks are no training run',
  severity: 'warning',
  role: 'verdict',
  text: 'They are not the checkpoints of one run (folders called checkpoint-500 and so on, or trainer logs that continue each other), so they are compared in the order given, and a distance says how two tasks differ, not how training went on. When layers came to rest, and what could be frozen, cannot be told. Name the folder of a run for that; for independent tasks take the lens "task-similarity".',
};

/** Drift, direction and subspaces of an ordered series of checkpoints. */
export const trajectory: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const rank = Number(parameters['rank'] ?? 4);
    const settled = Number(parameters['settled'] ?? 0.1);
    const stages = runOrder(study);
    const isRun = isTrainingRun(study.tasks);
    const gram = await taskGram(study, partOf(context, 0, rank > 0 ? 0.4 : 1), true);
    if (!gram.ok) return gram;
    const common = gram.value.tensors.filter(({ has }) => has.every((each) => each));
    if (common.length === 0) return noCommonTensor(study, gram.value.findings);
    const scopes = driftScopes(common, stages);
    const [whole] = scopes;
    if (!whole) return success({ artifacts: [], findings: gram.value.findings, bytesRead: 0 });
    const subspaces =
      rank > 0 ? await runSubspaces(study, stages, rank, partOf(context, 0.4, 1)) : success([]);
    if (!subspaces.ok) return subspaces;
    const loss = lossSeries(study, stages);
    const artifacts: Artifact[] = [
      isRun ? trajectoryAdvice(scopes, stages, settled) : NO_RUN,
      ...driftMatrices(scopes, stages),
      runCurves(whole, stages),
      ...(loss ? [loss] : []),
      ...subspaceArtifacts(subspaces.value, stages, rank),
      stepTable(study, whole, stages),
      ...(isRun ? [freezeTable(scopes, stages, settled)] : []),
      driftTable(scopes, stages),
    ];
    return success({ artifacts, findings: gram.value.findings, bytesRead: gram.value.bytesRead });
  },
};

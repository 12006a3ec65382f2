import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { alignmentArtifacts } from './alignment-artifacts';
import { readAlignments } from './alignment-pass';
import type { TensorGroup } from './group-pass';
import type { Lens } from './lens';
import { matrixShape } from './matrix-pass';
import { comparedStudy } from './needs';
import { chosenTensors, TENSORS_PARAMETER } from './tensor-filter';
import { tensorGroups } from './tensor-groups';
import { deltaBytes } from '../model/task-vector';

const description: LensDescription = {
  id: 'subspace-alignment',
  version: 1,
  title: 'Does their sum represent every task?',
  summary:
    'Shows how much of each task lies in the main directions of the sum of all tasks, whether flattening that sum would help, and how far the tasks’ own directions overlap.',
  formula:
    'M = Στ;  SAR = ‖U_kU_kᵀτ‖_F / ‖τ‖_F, k smallest with ‖M − U_kU_kᵀM‖_F ≤ 0.05‖M‖_F;  after flattening M = σ̄·UVᵀ;  cos of principal angles = σ(UᵢᵀUⱼ);  interference = ‖(UᵀU − I) Σ (VᵀV − I)‖₁',
  reading:
    'A SAR near 1: the merged matrix has room for what the task learned. Low cells are layers where a plain sum drowns the task; where the figure rises after flattening, Iso-C merging helps. High overlap between two tasks means that they write into the same directions, which is good when they agree and interference when they do not: see task-similarity for the sign. Random subspaces of k in m dimensions overlap by k/m already.',
  source: [
    {
      title:
        'No Task Left Behind: Isotropic Model Merging with Common and Task-Specific Subspaces (Marczak et al. 2025)',
      link: 'https://arxiv.org/abs/2502.04959',
    },
    {
      title: 'Modeling Multi-Task Model Merging as Adaptive Projective Gradient Descent (Wei et al. 2025)',
      link: 'https://arxiv.org/abs/2501.01230',
    },
    {
      title: 'MTLoRA: A Low-Rank Adaptation Approach for Efficient Multi-Task Learning (Agiza et al. 2024)',
      link: 'https://arxiv.org/abs/2403.20320',
    },
    {
      title: 'Task Singular Vectors: Reducing Task Interference in Model Merging (Gargiulo et al. 2025)',
      link: 'https://arxiv.org/abs/2412.00081',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'top',
      title: 'Directions per task',
      help: 'How many of the strongest singular vectors of each task are compared for angles, overlap and interference.',
      type: 'number',
      default: 8,
      minimum: 1,
      maximum: 256,
      integer: true,
    },
    TENSORS_PARAMETER,
  ],
};

/** How well the sum of task vectors, plain and flattened, represents each task, and how tasks share directions. */
export const subspaceAlignment: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const shared = tensorGroups(study)
      .filter(({ base, members }) => matrixShape(base) !== null && members.length > 1)
      .map((group) => ({ ...group, tensor: group.base.name }));
    const groups = chosenTensors(shared, parameters);
    if (!groups.ok) return groups;
    const top = typeof parameters['top'] === 'number' ? parameters['top'] : 8;
    const read = await readAlignments(study, groups.value, top, context);
    if (!read.ok) return read;
    return success({
      artifacts: alignmentArtifacts(study, read.value),
      findings: read.value.findings,
      // Once for the directions, once for the sum, and once for each of the two projections.
      bytesRead: 4 * groups.value.reduce((sum, group) => sum + bytesOf(group), 0),
    });
  },
};

function bytesOf({ base, members }: TensorGroup): number {
  return members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'lowRank' ? 0 : base.span.bytes) + deltaBytes(delta),
    0,
  );
}

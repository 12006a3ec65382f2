import type { Study } from '../model/study';
import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { cancelled, failure, success, type Result } from '../protocol/result';
import {
  attributionMatrices,
  attributionNote,
  attributionTable,
  explainedMatrix,
  explainedTable,
  pathSeries,
} from './attribution-artifacts';
import { attribute, gramParts, type Attribution } from './attribution-parts';
import type { Lens } from './lens';
import { comparedStudy, noCommonTensor } from './needs';
import { pause } from './pause';
import { taskGram } from './task-gram';

const description: LensDescription = {
  id: 'source-attribution',
  version: 1,
  title: 'What is a task made of?',
  summary:
    'Explains each task vector as a combination of the others, whole and by layer: how much of it they already hold, which of them, and what is new.',
  formula:
    'c = G⁻¹b, Gₛᵤ = ⟨τₛ, τᵤ⟩, bₛ = ⟨τₛ, τ⟩;  R² = cᵀb / ‖τ‖², novelty 1 − R²;  LASSO: min ½‖τ − Σ νₛτₛ‖² + μ‖ν‖₁, μ = penalty · max|bₛ|',
  reading:
    'R² near 1 means that the task is a mixture of the others and needs no copy of its own; near 0 that it learned something new. Contributions add up to R². The sparse coefficients keep only the sources that matter; raise the penalty to see which survive longest. More sources always explain more, so compare R² only among targets of one study.',
  source: [
    {
      title: 'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024)',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title: 'Improved Active Multi-Task Representation Learning via Lasso (Wang et al. 2023)',
      link: 'https://arxiv.org/abs/2306.02556',
    },
    {
      title:
        'ScaLearn: Simple and Highly Parameter-Efficient Task Transfer by Learning to Scale (Frohmann et al. 2024)',
      link: 'https://arxiv.org/abs/2310.01217',
    },
  ],
  needs: { data: ['weights'], base: 'optional', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'target',
      title: 'Target',
      help: 'The name of the task to explain by the others; empty explains each in turn.',
      type: 'text',
      default: '',
    },
    {
      name: 'penalty',
      title: 'Penalty of the sparse combination',
      help: 'μ in units of the penalty from which on every coefficient is 0: 0 is least squares, 1 leaves nothing.',
      type: 'number',
      default: 0.1,
      minimum: 0,
      maximum: 1,
    },
  ],
};

/** For more tasks than this only a named target is explained by layer and tensor: the work grows with their fourth power. */
const MOST_TASKS = 24;

/** Least-squares and LASSO decomposition of each task vector on the others, from inner products alone. */
export const sourceAttribution: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const targets = targetsOf(study, String(parameters['target'] ?? ''));
    if (!targets.ok) return targets;
    const penalty = Number(parameters['penalty'] ?? 0.1);
    const gram = await taskGram(study, context);
    if (!gram.ok) return gram;
    const n = study.tasks.length;
    const common = gram.value.tensors.filter(({ has }) => has.every((each) => each));
    if (common.length === 0) return noCommonTensor(study, gram.value.findings);
    const parts = gramParts(common, n);
    const whole = parts.slice(0, 1);
    const found: Attribution[] = [];
    for (const part of targets.value.length > MOST_TASKS ? whole : parts) {
      await pause();
      if (context.signal.aborted) return cancelled();
      for (const target of targets.value) found.push(attribute(part, target, n, penalty));
    }
    const artifacts: Artifact[] = [
      attributionNote(study, found, gram.value.tensors.length - common.length),
      explainedMatrix(study, found, targets.value),
      ...attributionMatrices(study, found, targets.value),
      ...whole.flatMap((part) =>
        targets.value.slice(0, MOST_TASKS).map((each) => pathSeries(study, part, each)),
      ),
      explainedTable(study, found),
      attributionTable(study, found),
    ];
    return success({ artifacts, findings: gram.value.findings, bytesRead: gram.value.bytesRead });
  },
};

function targetsOf({ tasks }: Study, name: string): Result<readonly number[]> {
  if (name === '') return success(tasks.map((_, task) => task));
  const target = tasks.findIndex((task) => task.name === name);
  if (target >= 0) return success([target]);
  const names = tasks.map((task) => task.name).join(', ');
  return failure({
    code: 'bad-parameter',
    message: `Parameter "target" is "${name}", which is no task of this study.`,
    action: `Give one of: ${names}.`,
    at: 'target',
  });
}

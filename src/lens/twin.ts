import type { Study } from '../model/study';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import type { TensorGroup } from './group-pass';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { chosenTensors, TENSORS_PARAMETER } from './tensor-filter';
import { tensorGroups } from './tensor-groups';
import { twinArtifacts } from './twin-artifacts';
import { budgetsFor, readTwins, type SharedModel } from './twin-pass';
import { deltaBytes } from '../model/task-vector';

const description: LensDescription = {
  id: 'twin',
  version: 1,
  title: 'What is shared, what is exclusive?',
  summary:
    'Splits every task into a shared model and an exclusive rest, and shows how few ranks and bytes that rest needs.',
  formula:
    'v = θ − θ*;  exclusive energy ‖v‖²/‖τ‖²;  rank@q = smallest k with Σ_{i≤k} σ² ≥ q Σσ²;  error ‖v − v_k‖/‖τ‖;  bytes k(m + n) a matrix',
  reading:
    'An exclusive energy well below 1 means that the shared model already holds much of the task; near or above 1 it holds nothing of it. Where the exclusive part has a lower rank than the task vector, storing one shared model and small exclusive parts is cheaper than storing every task. Compare both curves at the same rank: the lower one is the better way to store the task.',
  source: [
    {
      title: 'Twin-Merging: Dynamic Integration of Modular Expertise in Model Merging (Lu et al. 2024)',
      link: 'https://arxiv.org/abs/2406.15479',
    },
    {
      title: 'Merging Multi-Task Models via Weight-Ensembling Mixture of Experts (Tang et al. 2024)',
      link: 'https://arxiv.org/abs/2402.00433',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    {
      name: 'shared',
      title: 'Shared model',
      help: 'The mean of the tasks, θ₀ + λΣτ (task arithmetic), or one task of the study that is a merged model.',
      type: 'choice',
      default: 'task_arithmetic',
      choices: [
        { value: 'task_arithmetic', title: 'task arithmetic, θ₀ + λΣτ' },
        { value: 'mean', title: 'mean of the tasks' },
        { value: 'merged', title: 'a merged model of the study' },
      ],
    },
    {
      name: 'lambda',
      title: 'λ',
      help: 'Scale of the sum in task arithmetic.',
      type: 'number',
      default: 0.3,
      minimum: -10,
      maximum: 10,
    },
    {
      name: 'merged',
      title: 'Merged model',
      help: 'Name of the task that is the merged model, where that is the shared one.',
      type: 'text',
      default: '',
    },
    TENSORS_PARAMETER,
  ],
};

/** The exclusive part of every task beside a shared model, and what it costs to keep. */
export const twin: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const shared = sharedModel(study, parameters);
    if (!shared.ok) return shared;
    const all = tensorGroups(study).map((group) => ({ ...group, tensor: group.base.name }));
    const groups = chosenTensors(
      all.filter(({ base }) => base.span.count > 0),
      parameters,
    );
    if (!groups.ok) return groups;
    const read = await readTwins(study, groups.value, shared.value, context);
    if (!read.ok) return read;
    const { tensors, findings } = read.value;
    return success({
      artifacts: twinArtifacts(study, tensors, shared.value, budgetsFor(groups.value)),
      findings,
      bytesRead: groups.value.reduce((sum, group) => sum + bytesOf(group), 0),
    });
  },
};

/** Fails with `bad-parameter` where the merged model is no task of the study. */
function sharedModel(study: Study, parameters: ParameterValues): Result<SharedModel> {
  const tasks = study.tasks.map((_, index) => index);
  const { shared, lambda = 0.3, merged } = parameters;
  if (shared === 'mean') {
    const weights = tasks.map(() => 1 / tasks.length);
    return success({ text: 'the mean of the tasks, θ₀ + Στ/T', weights, experts: tasks });
  }
  if (shared !== 'merged') {
    const text = `θ₀ + ${String(lambda)} Στ (task arithmetic)`;
    return success({ text, weights: tasks.map(() => Number(lambda)), experts: tasks });
  }
  const name = typeof merged === 'string' ? merged : '';
  const chosen = study.tasks.findIndex((task) => task.name === name);
  if (chosen < 0) {
    return failure({
      code: 'bad-parameter',
      message: `The merged model "${name}" is not a task of the study "${study.spec.name}".`,
      action: `Name one of: ${study.tasks.map((task) => task.name).join(', ')}.`,
      at: 'merged',
    });
  }
  return success({
    text: `the merged model ${name}`,
    weights: tasks.map((task) => (task === chosen ? 1 : 0)),
    experts: tasks.filter((task) => task !== chosen),
  });
}

/** Every task vector is read for itself, for the shared model, and for the exclusive part of every task. */
function bytesOf({ base, members }: TensorGroup): number {
  const once = members.reduce(
    (sum, { delta }) => sum + (delta.kind === 'lowRank' ? 0 : base.span.bytes) + deltaBytes(delta),
    0,
  );
  return once * (2 + members.length);
}

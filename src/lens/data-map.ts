import type { StudyNetwork } from '../graph/study-network';
import type { StudySamples } from '../graph/study-samples';
import type { Study } from '../model/study';
import { isTrainingRun } from '../model/training-run';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import { goldScores, type GoldScores } from './activations/gold-probability';
import { labelsOf } from './activations/sample-labels';
import { SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import { dynamicsOf, medianConfidence, regionsOf } from './activations/training-dynamics';
import { dataMapArtifacts, type DataMap } from './data-map-artifacts';
import { objectiveOf } from './gradients/objective-parameter';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { runOrder, type RunStage } from './run-order';
import { countText } from './wording';

const description: LensDescription = {
  id: 'data-map',
  version: 1,
  title: 'Which samples are easy, ambiguous or hard to learn?',
  summary:
    'Runs every checkpoint of a training run on the same labelled samples: what the run learnt early, what it wavers on, and what it never learns.',
  formula:
    'confidence μ = mean over checkpoints of p(label);  variability σ = √(mean of (p − μ)²);  correctness = share of checkpoints that are right;  EL2N = ‖softmax − onehot(label)‖₂;  forgetting: right at one checkpoint, wrong at the next',
  reading:
    'Up left (sure, steady) are samples that are easy to learn: many can be left out. Far right (high variability) are ambiguous ones: training on that third alone often generalises best. Down left are those that are hard to learn: look at their labels first, wrong ones gather there. A high EL2N early in training marks important samples, but also noise. Checkpoints must be of the training itself and spread over it: those of its end see only what was left to learn. Of a text, p is the mean over its tokens (ours; the paper has one label a sample): a map of its tokens shows more. Of samples that were not trained on, the map says what generalises, not what is in the labels. The paper’s regions are the top third of each measure and may overlap; here ambiguous comes first, and a confidence of one half (of texts: the median) parts the others.',
  source: [
    {
      title:
        'Dataset Cartography: Mapping and Diagnosing Datasets with Training Dynamics (Swayamdipta et al. 2020)',
      link: 'https://arxiv.org/abs/2009.10795',
    },
    {
      title: 'STG-MTL: Scalable Task Grouping for Multi-Task Learning Using Data Map (Sherif et al. 2023)',
      link: 'https://arxiv.org/abs/2307.03374',
    },
    {
      title: 'Deep Learning on a Data Diet: Finding Important Examples Early in Training (Paul et al. 2021)',
      link: 'https://arxiv.org/abs/2107.07075',
    },
    {
      title:
        'An Empirical Study of Example Forgetting during Deep Neural Network Learning (Toneva et al. 2019)',
      link: 'https://arxiv.org/abs/1812.05159',
    },
  ],
  needs: { data: ['activations', 'labels'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'data',
      title: 'Data set',
      help: 'The data set that is mapped; empty: all of the study.',
      type: 'text',
      default: '',
    },
    {
      name: 'unit',
      title: 'What a point is',
      help: 'A sample, or every label of it: the tokens of a text.',
      type: 'choice',
      default: 'samples',
      choices: [
        { value: 'samples', title: 'a sample' },
        { value: 'tokens', title: 'every token' },
      ],
    },
    {
      name: 'share',
      title: 'Share that is ambiguous',
      help: 'So much of the samples, those of the greatest variability, is called ambiguous; a third as in the paper.',
      type: 'number',
      default: 0.33,
      minimum: 0,
      maximum: 1,
    },
  ],
};

/** Confidence, variability and correctness of samples over the checkpoints of a run. */
export const dataMap: Lens = {
  description,
  async run(study, parameters, context) {
    if (study.tasks.length < 2) return tooFew(study);
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const names = wantedData(opened.value, parameters);
    if (!names.ok) return names;
    const stages = runOrder(study);
    const maps: DataMap[] = [];
    for (const [index, name] of names.value.entries()) {
      const samples = await opened.value.samplesNamed(name);
      if (!samples.ok) return samples;
      const part = {
        ...context,
        progress: (share: number, text: string) =>
          context.progress((index + share) / names.value.length, text),
      };
      const map = await mapOf(study, opened.value, samples.value, stages, parameters, part);
      if (!map.ok) return map;
      maps.push(map.value);
    }
    return success({
      artifacts: dataMapArtifacts(maps, stages, isTrainingRun(study.tasks)),
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

function tooFew({ spec, tasks }: Study): Result<never> {
  return failure({
    code: 'lens-needs-tasks',
    message: `A data map needs at least two checkpoints of a run, and the study "${spec.name}" has ${tasks.length === 0 ? 'none' : 'one'}: with one there is no variability.`,
    action:
      'Name the folder of a training run ("run:" in the study, or the folder on the command line), and let the trainer keep checkpoints (save_total_limit).',
  });
}

function wantedData({ dataSets }: StudyNetwork, parameters: ParameterValues): Result<readonly string[]> {
  const wanted = String(parameters['data'] ?? '').trim();
  if (wanted === '') return success(dataSets);
  if (dataSets.includes(wanted)) return success([wanted]);
  return failure({
    code: 'bad-parameter',
    message: `Parameter "data" is "${wanted}", and the study has no data set of that name.`,
    action: `Use one of: ${dataSets.join(', ')}; or leave it empty.`,
    at: 'data',
  });
}

async function mapOf(
  study: Study,
  network: StudyNetwork,
  samples: StudySamples,
  stages: readonly RunStage[],
  parameters: ParameterValues,
  context: LensContext,
): Promise<Result<DataMap>> {
  const labels = await labelsOf(samples);
  if (!labels.ok) return labels;
  const { output } = objectiveOf(network.network, {});
  const scores: GoldScores[] = [];
  for (const [index, stage] of stages.entries()) {
    const request = { task: study.tasks[stage.task] ?? null, samples, labels: labels.value, output };
    const text = `Running ${stage.name} on ${samples.name}`;
    const own = await goldScores(network, request, context, (share) =>
      context.progress((index + share) / stages.length, text),
    );
    if (!own.ok) return own;
    scores.push(own.value);
  }
  const perRow = parameters['unit'] === 'tokens';
  const { perSample } = labels.value;
  const dynamics = dynamicsOf(scores, perRow ? 1 : perSample);
  const cut = perRow || perSample === 1 ? 0.5 : medianConfidence(dynamics);
  const unit = perRow && perSample > 1 ? `${countText(dynamics.length, 'token')} of ` : '';
  return success({
    name: samples.name,
    caption: `${unit}${samplesText(samples)}, ${countText(stages.length, 'checkpoint')}.`,
    samples: dynamics,
    regions: regionsOf(dynamics, Number(parameters['share'] ?? 0.33), cut),
    cut,
    indices: samples.indices,
    labels: labels.value.labels,
    perSample,
    perRow,
  });
}

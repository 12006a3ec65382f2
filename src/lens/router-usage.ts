import type { StudyNetwork } from '../graph/study-network';
import type { Architecture } from '../model/architecture';
import type { LensDescription } from '../protocol/lens';
import { failure, success } from '../protocol/result';
import { comparedModel, dataSetRuns } from './activations/data-set-runs';
import { captionsOf } from './activations/layer-curves';
import { measureRuns } from './activations/model-runs';
import { routerSites, routingOf } from './activations/routing';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { advice, cacheCurves, expertTable, heatmap, layerTable, overlapTable } from './router-artifacts';
import { shortNumber } from './wording';

const description: LensDescription = {
  id: 'router-usage',
  version: 1,
  title: 'Which experts does each data set use?',
  summary:
    'Runs a mixture of experts on every data set and counts which experts its routers choose: specialists, idle experts, and what a cache of experts would hold.',
  formula:
    'TCESS = mean over tokens of logit · 1(expert in top k);  I(task; expert) = Σ P ln(P/(PₜPₑ));  SCH(n) = Σ of the n largest counts of each segment / all selections;  SRP = max over θ of F1 of “experts used by ≥ θ tokens of the segment”',
  reading:
    'An expert that one data set uses and others do not is a specialist; the mutual information (at most ln of the number of data sets) says how far the layer separates them. The keep-set holds the experts with the wanted share of the weight: what is outside can be pruned for this data set; where keep-sets of two data sets differ, prune for each. A hit rate near 1 at twice the experts of a token: experts can be offloaded with a small cache. Experts that hardly any token chooses are idle: prune them or balance the router. Counts are of these samples; an expert idle here may serve other texts.',
  source: [
    {
      title: 'PreMoe: Lightening MoEs on Constrained Memory by Expert Pruning and Retrieval (2025)',
      link: 'https://arxiv.org/abs/2505.17639',
    },
    {
      title:
        'Not All Models Suit Expert Offloading: On Local Routing Consistency of Mixture-of-Expert Models (2025)',
      link: 'https://arxiv.org/abs/2505.16056',
    },
    {
      title: 'Mod-Squad: Designing Mixture of Experts As Modular Multi-Task Learners (Chen et al. 2022)',
      link: 'https://arxiv.org/abs/2212.08066',
    },
  ],
  needs: {
    data: ['activations'],
    base: 'required',
    tasks: { minimum: 0 },
    parts: ['experts'],
    factored: true,
  },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'model',
      title: 'Model',
      help: 'The model that runs on all data sets: base, or the name of a task.',
      type: 'text',
      default: 'base',
    },
    {
      name: 'top_k',
      title: 'Experts of a token',
      help: 'How many experts the router chooses; 0 takes it from the config.json beside the weights.',
      type: 'number',
      default: 0,
      minimum: 0,
      integer: true,
    },
    {
      name: 'segment',
      title: 'Segment',
      help: 'Consecutive tokens for which a cache of experts is filled once.',
      type: 'number',
      default: 16,
      minimum: 1,
      maximum: 4096,
      integer: true,
    },
    {
      name: 'keep',
      title: 'Share kept',
      help: 'The keep-set of a data set holds so much of the weight of each layer.',
      type: 'number',
      default: 0.9,
      minimum: 0.01,
      maximum: 1,
    },
  ],
};

/** Choices of the routers of one model on every data set. */
export const routerUsage: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = routerSites(opened.value);
    const top = topOf(study.architecture, Number(parameters['top_k'] ?? 0));
    if (sites.length === 0 || top === null) return noRouter(opened.value, sites.length > 0);
    const model = comparedModel(String(parameters['model'] ?? 'base'), study.tasks);
    if (!model.ok) return model;
    const runs = await dataSetRuns(opened.value, model.value, 1);
    if (!runs.ok) return runs;
    const options = { top, segment: Number(parameters['segment'] ?? 16) };
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      routingOf(opened.value, run, sites, options, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const keep = Number(parameters['keep'] ?? 0.9);
    const caption = `${model.value?.name ?? 'base'}, ${shortNumber(top)} experts a token. ${captionsOf(measured.value)}`;
    return success({
      artifacts: [
        advice(measured.value, entries, keep, top),
        ...measured.value.map((run) => heatmap(run, entries, caption)),
        cacheCurves(measured.value, top, caption),
        layerTable(measured.value, entries, options.segment, top),
        expertTable(measured.value, entries, keep),
        overlapTable(measured.value, entries, keep),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

function topOf(architecture: Architecture | null, given: number): number | null {
  return given > 0 ? given : (architecture?.expertsPerToken ?? null);
}

function noRouter({ network }: StudyNetwork, hasSites: boolean) {
  const { path } = network.map.graph;
  return failure({
    code: 'graph-layers',
    message: hasSites
      ? `${path} has routers, but how many experts they choose for a token is not known.`
      : `${path} has no product with a tensor that is known as a router.`,
    action: hasSites
      ? 'Set the parameter "top_k", or put the config.json of the model beside its weights.'
      : 'Use the graph of a mixture of experts.',
    path,
  });
}

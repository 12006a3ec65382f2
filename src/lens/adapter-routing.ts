import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import { adapterSites, type AdapterSite } from './activations/adapter-sites';
import { dataSetRuns } from './activations/data-set-runs';
import { measureRuns } from './activations/model-runs';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { routeTokens, type RoutedRuns, type RouterKind } from './activations/token-routing';
import { routingArtifacts } from './adapter-routing-artifacts';
import type { Lens } from './lens';
import { networkOf } from './network-lens';

const description: LensDescription = {
  id: 'adapter-routing',
  version: 1,
  title: 'Which adapter would each token be sent to?',
  summary:
    'Runs the base on every data set and asks, matrix by matrix and token by token, which of the study’s adapters a router without training would choose.',
  formula:
    'Arrow: v = first right singular vector of ΔW = s·B·A, score |h·v| / temperature;  PHATGOOSE: LN(h)·LN(g) / √d with the trained gate g;  weights: softmax over the k highest scores;  h: input of the matrix',
  reading:
    'A data set whose tokens go to its own adapter can be served by a library of adapters that nobody routes by hand. An even split, or the same adapter winning everywhere, says that the prototypes do not tell tasks apart: one adapter amplifies a direction that all inputs have (the mean of the activations), or the prototypes are alike (|cos| near 1). Entropy 1: the scores do not differ; near 0: the router is sure, right or wrong, so read it beside the agreement and its chance level. A prototype stands for its adapter as far as its share of ΔW goes. Full fine-tunes have prototypes, too, from θ − θ₀; the papers route adapters only. Proxy: inputs are those of the base, while in a routed model each choice changes the inputs of the layers behind it. The global part of Glider needs embeddings of instructions, which a study has not.',
  source: [
    {
      title: 'Towards Modular LLMs by Building and Reusing a Library of LoRAs (Ostapenko et al. 2024)',
      link: 'https://arxiv.org/abs/2405.11157',
    },
    {
      title: 'Learning to Route Among Specialized Experts for Zero-Shot Generalization (Muqeeth et al. 2024)',
      link: 'https://arxiv.org/abs/2402.05859',
    },
    {
      title: 'Glider: Global and Local Instruction-Driven Expert Router (Li et al. 2024)',
      link: 'https://arxiv.org/abs/2410.07172',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'top_k',
      title: 'Adapters of a token',
      help: 'How many adapters a token is sent to; all where there are no more.',
      type: 'number',
      default: 2,
      minimum: 1,
      integer: true,
    },
    {
      name: 'temperature',
      title: 'Temperature of Arrow',
      help: 'What Arrow’s scores are divided by before the softmax: the larger, the more even. 0 takes the root of the number of features.',
      type: 'number',
      default: 1,
      minimum: 0,
    },
  ],
};

const KINDS: readonly RouterKind[] = ['arrow', 'phatgoose'];

/** Routing of every data set among the study's adapters, simulated on the base. */
export const adapterRouting: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const runs = await dataSetRuns(opened.value, null, 1);
    if (!runs.ok) return runs;
    const found = await adapterSites(study, opened.value, context.signal, (share) =>
      context.progress(share / 4, 'Reading prototypes of the adapters'),
    );
    if (!found.ok) return found;
    const { sites } = found.value;
    if (sites.length === 0) return noSite(study);
    const later = {
      ...context,
      progress: (share: number, text: string) => context.progress((1 + 3 * share) / 4, text),
    };
    const kinds = KINDS.filter((each) => each === 'arrow' || sites.some(hasGates));
    const rules = kinds.map((kind) => ({
      kind,
      top: Number(parameters['top_k'] ?? 2),
      temperature: Number(parameters['temperature'] ?? 1),
    }));
    const measured = await measureRuns(runs.value, later, (run, progress) =>
      routeTokens(opened.value, run, sites, rules, context, progress),
    );
    if (!measured.ok) return measured;
    const routed = rules.map((rule, at): RoutedRuns => ({
      rule,
      runs: measured.value.flatMap((run) => {
        const value = run.value[at];
        return value ? [{ ...run, value }] : [];
      }),
    }));
    return success({
      artifacts: routingArtifacts(study.tasks, sites, routed),
      findings: [...opened.value.findings, ...found.value.findings],
      bytesRead: opened.value.bytesRead(),
    });
  },
};

/** Whether tokens can be routed by trained gates at a site. */
function hasGates({ adapters }: AdapterSite): boolean {
  return adapters.filter((each) => each !== null && each.gate !== null).length > 1;
}

function noSite({ spec, tasks }: Study): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `No matrix of the graph is changed by two tasks of "${spec.name}" (${tasks.map(({ name }) => name).join(', ')}), so there is nothing to choose between.`,
    action: 'Add adapters of this base that target the same modules.',
  });
}

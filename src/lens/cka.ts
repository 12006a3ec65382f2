import type { Artifact } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { compareLayers, type Estimator } from './activations/layer-comparison';
import { streamPlaces } from './activations/layer-features';
import { LEAST_BATCH } from './activations/minibatch-cka';
import { POOL_PARAMETER, poolOf, SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import { ckaAdvice, ckaRemarks } from './cka-advice';
import { pairRows, pairTable, sideMatrices, type ComparedTask } from './cka-artifacts';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { wholeText } from './wording';

const description: LensDescription = {
  id: 'cka',
  version: 2,
  title: 'Which layers represent the same?',
  summary:
    'Runs the network on samples and compares what its layers represent: layer with layer, and the base with each fine-tune.',
  formula:
    'CKA(X, Y) = ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F), columns centred;  debiased: HSIC₁(X, Y) / √(HSIC₁(X, X) HSIC₁(Y, Y)), of minibatches each HSIC₁ added up first;  RSA: correlation (Spearman) of the dissimilarities 1 − r(xᵢ, xⱼ) of all pairs of samples',
  reading:
    'A block of layers near 1 among themselves does the same work: candidates for leaving layers out. Where base and fine-tune part on the diagonal, training changed what the layer represents; where they stay near 1, the layer can be shared or frozen. Plain CKA grows with the number of features and shrinks with that of samples: with fewer samples than features read the debiased one. CKA is blind to rotations and to small directions, and a few dominant features can decide it. RSA compares which samples are near each other, by order alone: where CKA is high and RSA low, a few directions agree and the rest of the geometry does not. The estimate by minibatches is unbiased whatever their size, and takes as many samples as time allows.',
  source: [
    {
      title: 'Similarity of Neural Network Representations Revisited (Kornblith et al. 2019)',
      link: 'https://arxiv.org/abs/1905.00414',
    },
    {
      title: 'Do Wide and Deep Networks Learn the Same Things? (Nguyen, Raghu, Kornblith 2021)',
      link: 'https://arxiv.org/abs/2010.15327',
    },
    {
      title: 'Feature Selection via Dependence Maximization (Song et al. 2012)',
      link: 'https://www.jmlr.org/papers/v13/song12a.html',
    },
    {
      title:
        'Representational similarity analysis: connecting the branches of systems neuroscience (Kriegeskorte, Mur, Bandettini 2008)',
      link: 'https://doi.org/10.3389/neuro.06.004.2008',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 0 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    POOL_PARAMETER,
    {
      name: 'estimator',
      title: 'Estimator of CKA',
      help: 'From all samples at once, plain and debiased; or unbiased from minibatches, which takes any number of samples in bounded memory.',
      type: 'choice',
      default: 'full',
      choices: [
        { value: 'full', title: 'all samples at once' },
        { value: 'minibatch', title: 'minibatches' },
      ],
    },
    {
      name: 'batch',
      title: 'Minibatch',
      help: 'Samples (rows of features) of a minibatch; what makes no whole one at the end is left out.',
      type: 'number',
      default: 64,
      minimum: LEAST_BATCH,
      maximum: 4096,
      integer: true,
    },
  ],
};

/** Linear CKA and RSA between all layers of the base, of each task, and of both. */
export const cka: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const tasks = study.tasks.length > 0 ? study.tasks : [null];
    const entries = streamPlaces(opened.value).map(({ entry }) => entry);
    const estimator: Estimator = parameters['estimator'] === 'minibatch' ? 'minibatch' : 'full';
    const batch = Number(parameters['batch'] ?? 64);
    const compared: ComparedTask[] = [];
    for (const [index, task] of tasks.entries()) {
      const samples = await opened.value.samplesOf(task);
      if (!samples.ok) return samples;
      const request = {
        models: task === null ? ([null] as const) : ([null, task] as const),
        samples: samples.value,
        pool: poolOf(parameters),
        estimator,
        batch,
        progress: (share: number, text: string) => context.progress((index + share) / tasks.length, text),
      };
      const found = await compareLayers(opened.value, request, context);
      if (!found.ok) return found;
      const { sides, rsaRows, batches } = found.value;
      const whole = `Over ${samplesText(samples.value)}.`;
      const parts = `${whole} Unbiased, from ${wholeText(batches)} minibatches of ${wholeText(batch)}.`;
      compared.push({
        task,
        sides,
        estimator,
        caption: estimator === 'full' ? whole : parts,
        rsaCaption: `${whole} Dissimilarity 1 − r between ${wholeText(rsaRows)} of the rows, r over the features; Spearman’s ρ between those of two layers.`,
      });
    }
    const several = tasks.length > 1;
    const artifacts: Artifact[] = [
      ckaAdvice(compared.flatMap((each) => ckaRemarks(each, entries))),
      ...compared.flatMap((each) => each.sides.flatMap((side) => sideMatrices(side, each, entries, several))),
      pairTable(compared.flatMap((each) => each.sides.flatMap((side) => pairRows(side, each, entries)))),
    ];
    return success({ artifacts, findings: opened.value.findings, bytesRead: opened.value.bytesRead() });
  },
};

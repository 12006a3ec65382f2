import { ModelFindings } from '../model/model-findings';
import { hypernetwork as hypernetworkOf, type Hypernetwork, type LinearPart } from '../model/hypernetworks';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import { generatedAdapters } from './generated-adapters';
import { hypernetworkArtifacts, type HypernetworkFigures } from './hypernetwork-artifacts';
import { hypernetworkFigures } from './hypernetwork-figures';
import type { Lens, LensContext } from './lens';
import { checkNeeds } from './needs';
import { partOf } from './progress-part';
import { readSmallTensors } from './small-tensors';

const description: LensDescription = {
  id: 'hypernetwork',
  version: 1,
  title: 'What adapters does a hypernetwork make?',
  summary:
    'Forms every adapter that a hypernetwork generates and compares them: whether it tells tasks apart or makes one adapter for all, where they are strong, and how its embeddings lie.',
  formula:
    'vec(D) = W_D·I(e) + b, I = LN(W₂·ReLU(W₁·[task; layer; block]));  cos of all generated weights of two tasks;  rank correlation (Spearman) of cosines of embeddings and of adapters;  drift = ‖f(e, Θ) − f(e, Θ₀)‖ / ‖f(e, Θ₀)‖',
  reading:
    'Cosines near 1 between the adapters of all tasks: the hypernetwork has collapsed to one adapter, and task embeddings do nothing. A high rank correlation says that distances of embeddings mean something; with three tasks it rests on three pairs. The effective rank of all generated adapters against their number is how much the network really varies. Drift of tasks that were not trained on is forgetting that can be read from weights alone.',
  source: [
    {
      title:
        'Parameter-efficient Multi-task Fine-tuning for Transformers via Shared Hypernetworks (Mahabadi et al. 2021)',
      link: 'https://arxiv.org/abs/2106.04489',
    },
    {
      title: 'Continual learning with hypernetworks (von Oswald et al. 2020)',
      link: 'https://arxiv.org/abs/1906.00695',
    },
    {
      title: 'Polyhistor: Parameter-Efficient Multi-Task Adaptation for Dense Vision Tasks (Liu et al. 2022)',
      link: 'https://arxiv.org/abs/2210.03265',
    },
  ],
  needs: {
    data: ['weights'],
    base: 'optional',
    tasks: { minimum: 0 },
    parts: ['hypernetwork'],
    factored: false,
  },
  parameters: [],
};

/** Embeddings and generated adapters of hypernetworks. */
export const hypernetwork: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const found = networksOf(study);
    if (found.length === 0) return noHypernetwork(study);
    const figures: HypernetworkFigures[] = [];
    const findings: Finding[] = [];
    let bytesRead = 0;
    for (const [at, each] of found.entries()) {
      const read = await readOne(each, partOf(context, at / found.length, (at + 1) / found.length));
      if (!read.ok) return read;
      bytesRead += read.value.bytesRead;
      findings.push(...read.value.findings);
      if (read.value.figures) figures.push(read.value.figures);
    }
    return success({ artifacts: hypernetworkArtifacts(figures), findings, bytesRead });
  },
};

interface Found {
  readonly name: string;
  readonly path: string;
  readonly network: Hypernetwork;
}

function networksOf({ base, tasks }: Study): Found[] {
  const all = [
    ...(base ? [{ name: 'base', checkpoint: base }] : []),
    ...tasks.map(({ name, checkpoint }) => ({ name, checkpoint })),
  ];
  return all.flatMap(({ name, checkpoint }) => {
    const network = hypernetworkOf(checkpoint.tensors);
    return network ? [{ name, path: checkpoint.path, network }] : [];
  });
}

interface ReadOne {
  readonly figures: HypernetworkFigures | null;
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

async function readOne({ name, path, network }: Found, context: LensContext): Promise<Result<ReadOne>> {
  const { embeddings, projection, norm, generators, refusal } = network;
  const of = (part: LinearPart | null) => (part ? [part.weight, ...(part.bias ? [part.bias] : [])] : []);
  const entries = [
    ...embeddings.flatMap((set) => set.entries),
    ...(projection ?? []).flatMap(of),
    ...of(norm),
    ...generators.flatMap(({ up, down }) => [...of(up), ...of(down)]),
  ];
  const read = await readSmallTensors(entries, context, 'Reading hypernetworks');
  if (!read.ok) return read;
  const { valuesOf, bytesRead } = read.value;
  const odd = new ModelFindings(path);
  const broken = entries.find((entry) => !valuesOf(entry).every(Number.isFinite));
  if (broken) {
    odd.add(
      'matrix-not-finite',
      `${name}: ${broken.name} holds NaN or infinities, and so does all that comes of it.`,
      broken.name,
    );
    return success({ figures: null, findings: odd.all(), bytesRead });
  }
  const adapters = refusal === null ? generatedAdapters(network, valuesOf) : [];
  const parameters = entries.reduce((sum, { span }) => sum + span.count, 0);
  const figures = hypernetworkFigures(name, network, adapters, parameters, valuesOf);
  return success({ figures, findings: [], bytesRead });
}

function noHypernetwork({ spec }: Study): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `"${spec.name}" has no hypernetwork.`,
    action:
      'Add a checkpoint with generators of adapters ("…_sampler_hyper_net.weight_generator") and embeddings of tasks, as HyperFormer has them.',
  });
}

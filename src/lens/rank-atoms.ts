import { ModelFindings } from '../model/model-findings';
import { networkOrder, placeOf } from '../model/naming';
import type { Finding } from '../protocol/finding';
import type { LensDescription } from '../protocol/lens';
import { cancelled, failure, success, type Result } from '../protocol/result';
import { hasFiniteFactors } from '../tensor/factor-products';
import { adapterTasks, type AdapterTask } from './adapter-tasks';
import { atomArtifacts, type AdapterAtoms, type TensorAtoms } from './atom-artifacts';
import { atomsOf } from './atom-sums';
import { loadLowRank } from './group-pass';
import type { Lens, LensContext } from './lens';
import { checkNeeds } from './needs';
import { pause } from './pause';

const description: LensDescription = {
  id: 'rank-atoms',
  version: 1,
  title: 'What is each rank of an adapter for?',
  summary:
    'Takes an adapter apart into its rank-one atoms, as stored and in the gauge of the singular vectors: how strong each is, which are dead or say the same, and which atoms two adapters share.',
  formula:
    'ΔW = Σₖ s·bₖaₖᵀ, strength ‖s·bₖaₖᵀ‖ = |s|·‖bₖ‖·‖aₖ‖;  cos(atomᵢ, atomⱼ) = cos(bᵢ, bⱼ)·cos(aᵢ, aⱼ);  svd gauge: σₖ·uₖvₖᵀ;  shared = Σ σₖ²·|cosₖ| / Σ σₖ² over atoms matched one to one',
  reading:
    'Raw atoms are those of the file: B·M and M⁻¹·A are the same adapter with other atoms, so read them only where training or routing works on ranks (mixtures of ranks, pruning of ranks). The gauge of the singular vectors is one and the same for every way to store ΔW: a few strong atoms there mean that a smaller rank would do. Raw atoms with a redundancy near 1 say the same twice. Shared atoms between adapters: near 1, both learnt the same directions and a merge counts them twice; near 0, the ranks are task-specific and can stand side by side.',
  source: [
    {
      title: 'Each Rank Could be an Expert: Single-Ranked Mixture of Experts LoRA (Zhao et al. 2025)',
      link: 'https://arxiv.org/abs/2501.15103',
    },
    {
      title: 'Intuition-aware Mixture-of-Rank-1-Experts for Parameter Efficient Finetuning (Liu et al. 2024)',
      link: 'https://arxiv.org/abs/2404.08985',
    },
  ],
  needs: {
    data: ['weights'],
    base: 'optional',
    tasks: { minimum: 1, maximum: 12 },
    parts: ['adapter'],
    factored: true,
  },
  parameters: [],
};

/** Rank-one atoms of LoRAs, and those that adapters share. */
export const rankAtoms: Lens = {
  description,
  async run(study, _parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    const adapters = adapterTasks(study);
    if (!adapters.ok) return adapters;
    const read = await readAtoms(adapters.value, context);
    if (!read.ok) return read;
    const { atoms, findings, bytesRead } = read.value;
    if (atoms.every(({ tensors }) => tensors.length === 0)) return noFactors(study.spec.name);
    return success({ artifacts: atomArtifacts(atoms), findings, bytesRead });
  },
};

function noFactors(study: string): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `"${description.title}" looks at pairs of factors A and B; no adapter of "${study}" has a finite one.`,
    action: 'Add a LoRA. Other kinds have no ranks to take apart.',
  });
}

interface ReadAtoms {
  readonly atoms: readonly AdapterAtoms[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

async function readAtoms(adapters: readonly AdapterTask[], context: LensContext): Promise<Result<ReadAtoms>> {
  const atoms: AdapterAtoms[] = [];
  const findings: Finding[] = [];
  let bytesRead = 0;
  for (const [at, { name, task }] of adapters.entries()) {
    const own: TensorAtoms[] = [];
    const notFinite = new ModelFindings(task.checkpoint.path);
    const names = networkOrder([...task.deltas.keys()]);
    for (const [done, tensor] of names.entries()) {
      if (context.signal.aborted) return cancelled();
      context.progress((at + done / names.length) / adapters.length, `${name}: taking ranks apart`);
      await pause();
      const delta = task.deltas.get(tensor);
      if (delta?.kind !== 'lowRank') continue;
      const read = await loadLowRank(delta);
      if (!read.ok) return read;
      bytesRead += read.value.bytesRead;
      if (hasFiniteFactors(read.value.delta)) {
        own.push({ tensor, place: placeOf(tensor), atoms: atomsOf(read.value.delta) });
      } else {
        const message = `${name}: the factors of ${tensor} hold NaN or infinities; the tensor is in no figure.`;
        notFinite.add('matrix-not-finite', message, tensor);
      }
    }
    atoms.push({ name, tensors: own });
    findings.push(...notFinite.all());
  }
  return success({ atoms, findings, bytesRead });
}

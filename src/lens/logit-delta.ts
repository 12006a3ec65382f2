import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { LogitReader } from './activations/logit-reader';
import { SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import type { Lens } from './lens';
import { advice, classTable, cosines, curves, taskTable, type TaskShift } from './logit-artifacts';
import { networkOf } from './network-lens';

const description: LensDescription = {
  id: 'logit-delta',
  version: 1,
  title: 'What did training change in the answers?',
  summary:
    'Runs base and fine-tunes on the same samples and compares their logits: a task vector in the space of outputs, which can be added to other models.',
  formula:
    'Δ = s_ft − s_base, its mean over classes taken off;  KL(p_ft ‖ p_base);  fusion: softmax(s_base + α Δ);  cos(Δᵢ, Δⱼ) over all samples of the first task',
  reading:
    'A divergence near 0: the fine-tune answers these samples as the base does. Shifts of two tasks with a cosine near 1 ask for the same answers; their fusion adds up; below 0 they work against each other, though their weights may be orthogonal. The curve over α is what logit fusion does: for a model of another size with the same vocabulary add α Δ to its logits; here it is shown on the base itself (static α; the paper finds α anew for every token). Where the best α is not 1, the fine-tune under- or overshoots on these samples. Proxy: the large model of the paper is not part of the study.',
  source: [
    {
      title: 'On Giant’s Shoulders: Effortless Weak to Strong by Dynamic Logits Fusion (Fan et al. 2024)',
      link: 'https://arxiv.org/abs/2406.15480',
    },
  ],
  needs: { data: ['activations'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    ...SAMPLE_PARAMETERS,
    {
      name: 'output',
      title: 'Output',
      help: 'The output of the graph that holds the logits; empty: the first one.',
      type: 'text',
      default: '',
    },
  ],
};

/** Shifts of logits of every fine-tune on its own samples, and cosines between them on those of the first. */
export const logitDelta: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const { graph } = opened.value.network.map;
    const wanted = String(parameters['output'] ?? '').trim();
    const output = wanted === '' ? (graph.outputs[0]?.name ?? '') : wanted;
    const reader = new LogitReader(opened.value, output, context);
    const found: TaskShift[] = [];
    const common: Float64Array[] = [];
    const steps = 2 * study.tasks.length;
    const first = await opened.value.samplesOf(study.tasks[0] ?? null);
    if (!first.ok) return first;
    for (const [index, task] of study.tasks.entries()) {
      context.progress((2 * index) / steps, `Running ${task.name} and the base`);
      const samples = await opened.value.samplesOf(task);
      if (!samples.ok) return samples;
      const figures = await reader.figures(task, samples.value);
      if (!figures.ok) return figures;
      const { name } = samples.value;
      found.push({
        task,
        data: name,
        caption: `Over ${samplesText(samples.value)}.`,
        figures: figures.value,
      });
      context.progress((2 * index + 1) / steps, `Running ${task.name} on ${first.value.name}`);
      const shift = await reader.shift(task, first.value);
      if (!shift.ok) return shift;
      common.push(shift.value);
    }
    return success({
      artifacts: [
        advice(found, common),
        ...curves(found),
        cosines(found, common, `Over ${samplesText(first.value)}.`),
        taskTable(found),
        classTable(found),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

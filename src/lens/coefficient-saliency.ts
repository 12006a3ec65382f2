import { placeOf } from '../model/naming';
import type { Artifact, Matrix, Note, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { gradientDeltas, type BlockProduct } from './gradients/gradient-deltas';
import { OBJECTIVE_PARAMETER } from './gradients/objective-parameter';
import { atBase, taskGradients, withoutGradient, type TaskGradient } from './gradients/task-gradients';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { AXES_CAPTION, networkAxes, networkMatrix } from './network-axes';
import { shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'coefficient-saliency',
  version: 1,
  title: 'Which blocks of a task vector lower the loss?',
  summary:
    "Multiplies the gradient of a task's loss at the base with its task vector, tensor by tensor: what the first bit of each block of the fine-tune would do.",
  formula: 'dot = ⟨∂L/∂θ⁽ʲ⁾, τ⁽ʲ⁾⟩ = ∂L(θ₀ + Σⱼ λⱼ τ⁽ʲ⁾)/∂λⱼ at λ = 0;  cosine = dot / (‖∂L/∂θ⁽ʲ⁾‖ ‖τ⁽ʲ⁾‖)',
  reading:
    'A block is one tensor. Below 0 the loss falls as the block is added: the larger the size, the more one unit of its coefficient is worth at first. Above 0 the block by itself harms the task at the base; it pays only together with others, or was needed late in training. A cosine near −1 means that fine-tuning went straight down the gradient of the base there. These are the first gradients of coefficients that are learnt from zero.',
  source: [
    {
      title:
        'Knowledge Composition using Task Vectors with Learned Anisotropic Scaling (Zhang et al. 2024), gradient of equation 3 at 0',
      link: 'https://arxiv.org/abs/2407.02880',
    },
    {
      title: 'ATM: Improving Model Merging by Alternating Tuning and Merging (Zhou et al. 2024)',
      link: 'https://arxiv.org/abs/2411.03055',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER],
};

/** Blocks of one task. */
interface TaskBlocks {
  readonly task: TaskGradient;
  readonly blocks: readonly BlockProduct[];
}

/** ⟨∇L, τ⟩ of every task on its own samples, tensor by tensor. */
export const coefficientSaliency: Lens = {
  description,
  async run(study, parameters, context) {
    const compared = comparedStudy(study, description);
    if (!compared.ok) return compared;
    const found = await taskGradients(compared.value, description, parameters, context, atBase);
    if (!found.ok) return found;
    const { tasks, caption, network } = found.value;
    const blocks: TaskBlocks[] = [];
    for (const task of tasks) {
      if (task.model === null) continue;
      const products = await gradientDeltas(compared.value, task.gradients, task.model, context.signal);
      if (!products.ok) return products;
      blocks.push({ task, blocks: products.value });
    }
    const artifacts: Artifact[] = [
      advice(blocks),
      ...withoutGradient(tasks),
      ...blocks.map((each) => heatmap(each, 'dot', caption)),
      ...blocks.map((each) => heatmap(each, 'cosine', caption)),
      blockTable(blocks, caption),
      taskTable(blocks),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

/** Several tensors taken as one block. */
function sumOf(blocks: readonly BlockProduct[]): { dot: number | null; cosine: number | null } {
  let [dot, gradient, delta] = [0, 0, 0];
  for (const block of blocks) {
    dot += block.dot ?? 0;
    gradient += block.gradientSquares;
    delta += block.deltaSquares;
  }
  const known = blocks.some((block) => block.dot !== null);
  const size = Math.sqrt(gradient * delta);
  return { dot: known ? dot : null, cosine: known && size > 0 ? dot / size : null };
}

function heatmap({ task: { task }, blocks }: TaskBlocks, metric: 'dot' | 'cosine', caption: string): Matrix {
  const places = blocks.map(({ tensor }) => placeOf(tensor));
  const axes = networkAxes(places);
  const cells = Array.from({ length: axes.rows.length * axes.columns.length }, (): BlockProduct[] => []);
  blocks.forEach((block) => cells[axes.cellOf(placeOf(block.tensor))]?.push(block));
  const values = cells.map((cell) => (cell.length === 0 ? null : sumOf(cell)[metric]));
  const most = values.reduce((size: number, value) => Math.max(size, Math.abs(value ?? 0)), 0);
  const matrix = networkMatrix(axes, values, {
    id: `${metric}:${task}`,
    title: `${metric === 'dot' ? 'What a block does to the loss' : 'Task vector against gradient'}, ${task}`,
    facets: { metric, task },
    caption: `${caption} ${AXES_CAPTION}`,
    unit: metric === 'dot' ? '⟨∇L, τ⟩' : 'cos(∇L, τ)',
    scale: 'diverging',
    domain: most > 0 ? [-most, most] : null,
  });
  return { ...matrix, rows: matrix.rows.map((row) => ({ ...row, task })) };
}

function blockTable(tasks: readonly TaskBlocks[], caption: string): Table {
  return {
    kind: 'table',
    id: 'blocks',
    title: 'Every block',
    caption: `${caption} Undefined where the gradient is rounding only.`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'dot', title: '⟨∇L, τ⟩', type: 'number' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'module', title: 'Module', type: 'text' },
    ],
    rows: tasks.flatMap(({ task: { task }, blocks }) =>
      blocks.map(({ tensor, dot, cosine }) => {
        const { layer, module } = placeOf(tensor);
        return [task, tensor, dot, cosine, layer, module];
      }),
    ),
  };
}

function taskTable(tasks: readonly TaskBlocks[]): Table {
  return {
    kind: 'table',
    id: 'tasks',
    title: 'Whole task vectors',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'dot', title: '⟨∇L, τ⟩', type: 'number' },
      { name: 'cosine', title: 'Cosine', type: 'number' },
      { name: 'loss', title: 'Loss at the base', type: 'number' },
      { name: 'samples', title: 'Samples', type: 'integer' },
    ],
    rows: tasks.map(({ task: { task, gradients }, blocks }) => {
      const { dot, cosine } = sumOf(blocks);
      return [task, dot, cosine, gradients.loss, gradients.samples];
    }),
  };
}

const NAMED = 3;

function advice(tasks: readonly TaskBlocks[]): Note {
  const lines = tasks.map(({ task: { task }, blocks }) => {
    const known = blocks.flatMap(({ tensor, dot }) => (dot === null || dot === 0 ? [] : [{ tensor, dot }]));
    const ordered = known.sort((x, y) => x.dot - y.dot);
    const name = ({ tensor, dot }: { tensor: string; dot: number }) => `${tensor} (${shortNumber(dot)})`;
    const best = ordered.filter(({ dot }) => dot < 0).slice(0, NAMED);
    const worst = ordered.filter(({ dot }) => dot > 0).reverse();
    if (best.length === 0)
      return `${task}: no block lowers the loss by itself at the base. Learn its coefficients together, or start from the whole task vector.`;
    const harm =
      worst.length === 0
        ? ' No block raises it.'
        : ` ${wholeText(worst.length)} of ${wholeText(known.length)} blocks raise it, most ${worst.slice(0, NAMED).map(name).join(', ')}: start these at 0.`;
    return `${task}: the loss falls fastest with ${best.map(name).join(', ')}: keep these where only some blocks can be had.${harm}`;
  });
  return {
    kind: 'note',
    id: 'advice',
    title: 'Which blocks to take first',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: a first-order figure at the base, where no other block has been added; large steps and blocks together behave differently. Blocks with a large norm count for more.',
    ].join('\n'),
  };
}

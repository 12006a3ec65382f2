import type { Matrix, Table } from '../../protocol/artifact';
import { packNumbers } from '../../protocol/numbers';
import { fromZero } from '../domain';
import { wholeText } from '../wording';
import type { TaskSaliency } from './saliency-tensors';

/** Heads of every layer; none where the network has no heads that are known. */
export function headMatrix({ task, saliency: { heads } }: TaskSaliency, caption: string): Matrix[] {
  if (heads.length === 0) return [];
  const most = Math.max(...heads.map(({ heads: sums }) => sums.length));
  const values = heads.flatMap(({ heads: sums }) =>
    Array.from({ length: most }, (_, head) => {
      const sum = sums[head];
      return sum === undefined ? null : Math.abs(sum);
    }),
  );
  return [
    {
      kind: 'matrix',
      id: `heads:${task}`,
      title: `What the loss would notice of a head, ${task}`,
      facets: { metric: 'heads', task },
      caption: `|Σ θ·g| over what a head has of the output projection: the gradient of a mask on the head's output. ${caption}`,
      rows: heads.map(({ block }) => ({ label: block.label, layer: block.layer, task })),
      columns: Array.from({ length: most }, (_, head) => ({ label: String(head), head })),
      rowTitle: 'layer',
      columnTitle: 'head',
      values: packNumbers(values),
      unit: '|Σ θ·g|',
      scale: 'sequential',
      domain: fromZero(values),
    },
  ];
}

/** Every head; none where no head is known. */
export function headTable(tasks: readonly TaskSaliency[]): Table[] {
  const rows = tasks.flatMap(({ task, saliency: { heads } }) =>
    heads.flatMap(({ block, heads: sums }) =>
      sums.map((sum, head) => [task, block.label, head, sum, sum * sum]),
    ),
  );
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'heads',
      title: 'Saliency of every head',
      columns: [
        { name: 'task', title: 'Task', type: 'text' },
        { name: 'layer', title: 'Attention', type: 'text' },
        { name: 'head', title: 'Head', type: 'integer' },
        { name: 'gradient_weight', title: 'Gradient × weight', type: 'number' },
        { name: 'taylor', title: 'Taylor', type: 'number' },
      ],
      rows,
    },
  ];
}

/** Channels listed of a task, the strongest first: more are of use to nobody. */
const MOST_CHANNELS = 2_000;

/** Output channels of matrices and convolutions, the strongest first. */
export function channelTable(tasks: readonly TaskSaliency[]): Table {
  return {
    kind: 'table',
    id: 'channels',
    title: 'Saliency of output channels',
    caption: `A channel is one output of a matrix or convolution. The strongest first, at most ${wholeText(MOST_CHANNELS)} a task.`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'channel', title: 'Channel', type: 'integer' },
      { name: 'gradient_weight', title: 'Gradient × weight', type: 'number' },
      { name: 'taylor', title: 'Taylor', type: 'number' },
    ],
    rows: tasks.flatMap(({ task, saliency: { tensors } }) =>
      tensors
        .flatMap(({ tensor, channels, noise }) =>
          channels === null || noise
            ? []
            : Array.from(channels, (sum, channel) => ({ tensor, channel, sum })),
        )
        .toSorted((x, y) => y.sum * y.sum - x.sum * x.sum)
        .slice(0, MOST_CHANNELS)
        .map(({ tensor, channel, sum }) => [task, tensor, channel, sum, sum * sum]),
    ),
  };
}

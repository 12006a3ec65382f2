import type { Artifact, Matrix, Note, Series, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { packNumbers } from '../protocol/numbers';
import { failure, success } from '../protocol/result';
import { streamPlaces } from './activations/layer-features';
import { SAMPLE_PARAMETERS, samplesText } from './activations/sample-parameters';
import {
  channelSaliency,
  channelShares,
  type ChannelShares,
  type PlaceSaliency,
} from './gradients/channel-saliency';
import { lossText, OBJECTIVE_PARAMETER, objectiveOf } from './gradients/objective-parameter';
import type { Lens } from './lens';
import { networkOf } from './network-lens';
import { percent, shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'task-saliency',
  version: 1,
  title: 'Which channels do tasks share, and which does one own?',
  summary:
    "Runs the base backwards to the representation between its layers, and compares how strongly each task's loss depends on every channel.",
  formula:
    'sₜ = mean |∂Lₜ/∂Z| over samples and tokens, sₜ / Σ sₜ over channels;  pₜ = sₜ / Σₖ sₖ in a channel;  H = −Σₜ pₜ ln pₜ / ln T',
  reading:
    'Z is the output of a layer. H near 1: all tasks depend on the channel alike, it is shared. H near 0: one task owns it. Where H falls along the depth the tasks part ways: layers before can be shared, those behind are where branches or adapters of single tasks pay. Channels of low entropy are what to protect for their owner when others are trained.',
  source: [
    {
      title:
        'Rep-MTL: Unleashing the Power of Representation-level Task Saliency for Multi-Task Learning (Wang et al. 2025)',
      link: 'https://arxiv.org/abs/2507.21049',
    },
  ],
  needs: { data: ['gradients', 'labels'], base: 'required', tasks: { minimum: 2 }, factored: true },
  parameters: [...SAMPLE_PARAMETERS, OBJECTIVE_PARAMETER],
};

/** One representation with the saliency of every task, in the order of the tasks. */
interface Place {
  readonly entry: PlaceSaliency['place']['entry'];
  readonly saliencies: readonly Float64Array[];
  readonly shares: readonly ChannelShares[];
}

/** Mean |∂L/∂Z| by task and channel, and the entropy over tasks. */
export const taskSaliency: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const network = opened.value;
    const objective = objectiveOf(network.network, parameters);
    const found: (readonly PlaceSaliency[])[] = [];
    const over: string[] = [];
    for (const [index, task] of study.tasks.entries()) {
      const samples = await network.samplesOf(task);
      if (!samples.ok) return samples;
      const { count } = samples.value;
      const own = await channelSaliency(
        network,
        streamPlaces(network),
        samples.value,
        objective,
        context,
        (done) => {
          const text = `${task.name}: sample ${wholeText(done)} of ${wholeText(count)}`;
          context.progress((index + done / count) / study.tasks.length, text);
        },
      );
      if (!own.ok) return own;
      found.push(own.value);
      over.push(`${task.name} over ${samplesText(samples.value)}`);
    }
    const places = commonPlaces(found);
    if (places.length === 0) {
      return failure({
        code: 'graph-layers',
        message: `No layer of ${network.network.map.graph.path} gives tokens or pixels that the loss can be differentiated for.`,
        action: 'Export the graph with its layers, as optimum-cli does, and without fused custom operators.',
      });
    }
    const caption = `At the base, of the ${lossText(objective)}: ${over.join(', ')}. Every task scaled to a sum of 1.`;
    const names = study.tasks.map(({ name }) => name);
    const artifacts: Artifact[] = [
      advice(names, places),
      entropyCurve(places, caption),
      entropyMatrix(places, caption),
      strengthMatrix(names, places, caption),
      pairTable(names, places),
      channelTable(names, places, caption),
    ];
    return success({ artifacts, findings: network.findings, bytesRead: network.bytesRead() });
  },
};

function commonPlaces(found: readonly (readonly PlaceSaliency[])[]): readonly Place[] {
  const [first = [], ...others] = found;
  return first.flatMap(({ place, channels }) => {
    const rest = others.flatMap(
      (own) => own.find((each) => each.place.value === place.value)?.channels ?? [],
    );
    if (rest.length !== others.length) return [];
    const saliencies = [channels, ...rest];
    return [{ entry: place.entry, saliencies, shares: channelShares(saliencies) }];
  });
}

function meanEntropy({ shares }: Place): number | null {
  const known = shares.flatMap(({ entropy }) => entropy ?? []);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function entropyCurve(places: readonly Place[], caption: string): Series {
  const least = ({ shares }: Place) => {
    const known = shares.flatMap(({ entropy }) => entropy ?? []);
    return known.length === 0 ? null : Math.min(...known);
  };
  return {
    kind: 'series',
    id: 'entropy',
    title: 'How far tasks part in the channels of a layer',
    caption,
    x: { title: 'output of', values: places.map(({ entry }) => entry.label) },
    lines: [
      { name: 'mean over channels', values: packNumbers(places.map((place) => lacking(meanEntropy(place)))) },
      { name: 'least shared channel', values: packNumbers(places.map((place) => lacking(least(place)))) },
    ],
    unit: '1 − H',
    places: places.map(({ entry }) => entry),
  };
}

function lacking(entropy: number | null): number | null {
  return entropy === null ? null : 1 - entropy;
}

/** Columns of a strip: more channels than this share a column. */
const MOST_COLUMNS = 64;

function entropyMatrix(places: readonly Place[], caption: string): Matrix {
  const most = Math.max(...places.map(({ shares }) => shares.length));
  const bin = Math.ceil(most / MOST_COLUMNS);
  const columns = Math.ceil(most / bin);
  const values = places.flatMap(({ shares }) =>
    Array.from({ length: columns }, (_, column) => {
      const known = shares.slice(column * bin, (column + 1) * bin).flatMap(({ entropy }) => entropy ?? []);
      return known.length === 0 ? null : Math.min(...known);
    }),
  );
  const shared = bin > 1 ? ` A column is the least shared of ${wholeText(bin)} channels.` : '';
  const known = values.filter((value) => value !== null);
  return {
    kind: 'matrix',
    id: 'channels',
    title: 'Entropy over tasks, channel by channel',
    caption: `${caption}${shared}`,
    rows: places.map(({ entry }) => entry),
    columns: Array.from({ length: columns }, (_, column) => ({ label: String(column * bin) })),
    rowTitle: 'output of',
    columnTitle: 'channel',
    values: packNumbers(values),
    unit: 'H',
    scale: 'sequential',
    domain: known.length > 0 ? [Math.min(...known), 1] : null,
  };
}

function strengthMatrix(names: readonly string[], places: readonly Place[], caption: string): Matrix {
  const values = places.flatMap(({ saliencies }) =>
    saliencies.map((channels) => channels.reduce((sum, value) => sum + value, 0) / channels.length),
  );
  return {
    kind: 'matrix',
    id: 'strength',
    title: 'How strongly a loss depends on a representation',
    caption: `Before the scaling: mean |∂L/∂Z| of a channel. ${caption}`,
    rows: places.map(({ entry }) => entry),
    columns: names.map((task) => ({ label: task, task })),
    rowTitle: 'output of',
    columnTitle: 'task',
    values: packNumbers(values),
    unit: 'mean |∂L/∂Z|',
    scale: 'sequential',
    domain: [0, Math.max(...values) || 1],
  };
}

function pairTable(names: readonly string[], places: readonly Place[]): Table {
  return {
    kind: 'table',
    id: 'pairs',
    title: 'Saliency of two tasks',
    columns: [
      { name: 'layer', title: 'Output of', type: 'text' },
      { name: 'a', title: 'Task', type: 'text' },
      { name: 'b', title: 'Other task', type: 'text' },
      { name: 'cosine', title: 'Cosine of sₐ and s_b', type: 'number' },
    ],
    rows: places.flatMap(({ entry, saliencies }) =>
      names.flatMap((a, i) =>
        names
          .slice(i + 1)
          .map((b, offset) => [entry.label, a, b, cosine(saliencies[i], saliencies[i + 1 + offset])]),
      ),
    ),
  };
}

function cosine(a: Float64Array | undefined, b: Float64Array | undefined): number | null {
  if (a === undefined || b === undefined) return null;
  let [dot, own, other] = [0, 0, 0];
  a.forEach((value, at) => {
    const second = b[at] ?? 0;
    dot += value * second;
    own += value * value;
    other += second * second;
  });
  const size = Math.sqrt(own * other);
  return size > 0 ? dot / size : null;
}

/** Channels listed: more are of use to nobody. */
const MOST_ROWS = 50_000;

function channelTable(names: readonly string[], places: readonly Place[], caption: string): Table {
  const rows = places.flatMap(({ entry, shares }) =>
    shares.map(({ entropy, owner, share }, channel) => [
      entry.label,
      channel,
      entropy,
      entropy === null ? null : (names[owner] ?? null),
      entropy === null ? null : share,
    ]),
  );
  return {
    kind: 'table',
    id: 'owners',
    title: 'Channels and the tasks that depend on them most',
    caption,
    columns: [
      { name: 'layer', title: 'Output of', type: 'text' },
      { name: 'channel', title: 'Channel', type: 'integer' },
      { name: 'entropy', title: 'Entropy', type: 'number' },
      { name: 'owner', title: 'Task', type: 'text' },
      { name: 'share', title: 'Its share', type: 'share' },
    ],
    rows: rows.slice(0, MOST_ROWS),
  };
}

/** Above this entropy tasks share a layer for all that matters. */
const SHARED = 0.95;
/** A channel is called owned where a task has this many times its even share. */
const OWNS = 1.5;

function advice(names: readonly string[], places: readonly Place[]): Note {
  const ordered = places
    .map((place) => ({ place, entropy: meanEntropy(place) ?? 1 }))
    .toSorted((x, y) => x.entropy - y.entropy);
  const [least, most] = [ordered[0], ordered.at(-1)];
  const owned = names.map((task, at) => {
    const all = places.flatMap(({ shares }) => shares);
    const own = all.filter(({ owner, share }) => owner === at && share > OWNS / names.length).length;
    return `${task} owns ${percent(own / Math.max(1, all.length))} of the channels.`;
  });
  let apart = '';
  if (least && most && least.entropy > SHARED) {
    apart = `Tasks share the channels of every layer (H at least ${shortNumber(least.entropy)}, after ${least.place.entry.label}): nothing here calls for branches of single tasks.`;
  } else if (least && most) {
    apart = `Tasks share most after ${most.place.entry.label} (H ${shortNumber(most.entropy)}) and least after ${least.place.entry.label} (H ${shortNumber(least.entropy)}): branches and adapters of single tasks pay where H is low.`;
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'Where tasks share, and where they part',
    severity: 'information',
    role: 'recommendation',
    text: [
      apart,
      ...owned,
      'Limits: sizes of gradients only, not their signs: two tasks that share a channel may pull it apart, see gradient-conflict.',
    ].join('\n'),
  };
}

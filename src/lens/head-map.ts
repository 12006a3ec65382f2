import { attentionSites } from '../graph/attention-sites';
import type { StudyNetwork } from '../graph/study-network';
import type { AxisEntry, Matrix, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success, type Result } from '../protocol/result';
import { noAttention } from './attention-patterns';
import { headImportance } from './activations/head-ablation';
import { headDistances, outputSites, type OutputSite } from './activations/head-outputs';
import { captionsOf } from './activations/layer-curves';
import { baseOf, measureRuns, pairedRuns, type Measured, type ModelRun } from './activations/model-runs';
import { runMatrix } from './activations/run-similarity';
import { SAMPLE_PARAMETERS } from './activations/sample-parameters';
import { intersectionOverUnion, largestUnits, randomOverlap } from './activations/unit-sets';
import { layerHeadMatrix } from './layer-head-matrix';
import type { Lens, LensContext } from './lens';
import { networkOf } from './network-lens';
import { recommendation } from './recommendation';
import { namesText, percent, shortNumber, wholeText } from './wording';

const description: LensDescription = {
  id: 'head-map',
  version: 1,
  title: 'Which attention heads does a task need?',
  summary:
    'Switches every attention head off in turn and measures how much the answers change; shows which heads differ from their layer, and which heads tasks share.',
  formula:
    'importance = mean KL(p ‖ p with the output of the head set to 0);  distance = mean ‖z_h − mean over heads of z‖, z_h = A_h V_h W_O,h at the last position;  circuit = the share of heads with the greatest importance;  IoU of circuits',
  reading:
    'Heads of great importance carry the answers: keep their keys and values whole, prune others first. Heads far from the centre of their layer do something of their own (Task-KV keeps the full cache for these); importance and distance need not agree. Circuits that base and fine-tune share mean that training reused what was there; compare with the overlap of random sets. Setting a head to 0 is a coarse cut: heads that stand in for each other look unimportant alone. Task-KV does not fix the vectors; z at the last position is our reading of it (proxy).',
  source: [
    {
      title:
        'Circuit Component Reuse Across Tasks in Transformer Language Models (Merullo, Eickhoff, Pavlick 2023)',
      link: 'https://arxiv.org/abs/2310.08744',
    },
    {
      title:
        'Task-KV: Task-aware KV Cache Optimization via Semantic Differentiation of Attention Heads (He et al. 2025)',
      link: 'https://arxiv.org/abs/2501.15113',
    },
    {
      title: 'Are Sixteen Heads Really Better than One? (Michel, Levy, Neubig 2019)',
      link: 'https://arxiv.org/abs/1905.10650',
    },
  ],
  needs: {
    data: ['activations'],
    base: 'required',
    tasks: { minimum: 0 },
    parts: ['attention'],
    factored: true,
  },
  parameters: [
    ...SAMPLE_PARAMETERS.map((each) =>
      each.name === 'samples' && each.type === 'number' ? { ...each, default: 32, maximum: 10_000 } : each,
    ),
    {
      name: 'circuit',
      title: 'Share in the circuit',
      help: 'So much of all heads makes the circuit of a task: the most important ones.',
      type: 'number',
      default: 0.25,
      minimum: 0.01,
      maximum: 1,
    },
  ],
};

interface HeadFigures {
  readonly importance: readonly Float64Array[];
  readonly distance: readonly Float64Array[];
  /** Heads of the circuit, numbered through all sites. */
  readonly circuit: readonly number[];
}

type Run = Measured<HeadFigures>;

/** Importance by ablation and distance from the centre of the layer of every head, of base and fine-tunes on the same samples. */
export const headMap: Lens = {
  description,
  async run(study, parameters, context) {
    const opened = await networkOf(study, description, parameters, context);
    if (!opened.ok) return opened;
    const sites = outputSites(opened.value, attentionSites(opened.value.network.map));
    if (sites.length === 0) return noAttention();
    const runs = await pairedRuns(opened.value, study.tasks);
    if (!runs.ok) return runs;
    const share = Number(parameters['circuit'] ?? 0.25);
    const measured = await measureRuns(runs.value, context, (run, progress) =>
      figuresOf(opened.value, run, sites, share, context, progress),
    );
    if (!measured.ok) return measured;
    const entries = sites.map(({ layer, label }) => ({ label, layer }));
    const overlaps = measured.value.flatMap((x) =>
      measured.value.map((y) => intersectionOverUnion(x.value.circuit, y.value.circuit)),
    );
    return success({
      artifacts: [
        advice(measured.value, entries),
        ...measured.value.flatMap((run) => [
          heatmap(run, entries, 'importance'),
          heatmap(run, entries, 'distance'),
        ]),
        runMatrix(measured.value, overlaps, {
          id: 'circuits',
          title: 'Heads that circuits share',
          caption: captionsOf(measured.value),
          unit: 'IoU',
          scale: 'sequential',
          domain: [0, 1],
        }),
        table(measured.value, entries),
      ],
      findings: opened.value.findings,
      bytesRead: opened.value.bytesRead(),
    });
  },
};

async function figuresOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  sites: readonly OutputSite[],
  share: number,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<HeadFigures>> {
  const weights = await study.weightsOf(task, signal);
  if (!weights.ok) return weights;
  const common = { weights: weights.value, samples, signal };
  const outputs = await headDistances(study, sites, { ...common, progress: (done) => progress(done / 10) });
  if (!outputs.ok) return outputs;
  const { distances, heads } = outputs.value;
  const output = study.network.map.graph.outputs[0]?.name ?? '';
  const importance = await headImportance(study, {
    ...common,
    sites,
    heads,
    output,
    progress: (done) => progress(0.1 + 0.9 * done),
  });
  if (!importance.ok) return importance;
  const all = importance.value.flatMap((own) => [...own]);
  const circuit = largestUnits(all, Math.ceil(share * all.length));
  return success({ importance: importance.value, distance: distances, circuit });
}

const TITLES = {
  importance: ['Importance of heads', 'KL, nats'],
  distance: ['Distance of heads from the centre of their layer', '‖z − mean‖'],
} as const;

function heatmap(
  { name, caption, value }: Run,
  entries: readonly AxisEntry[],
  key: 'importance' | 'distance',
): Matrix {
  const [metric, unit] = TITLES[key];
  return layerHeadMatrix({
    id: `${key}:${name}`,
    metric,
    model: name,
    caption,
    rows: entries,
    heads: value[key],
    unit,
  });
}

function table(runs: readonly Run[], entries: readonly AxisEntry[]): Table {
  return {
    kind: 'table',
    id: 'heads',
    title: 'Every head',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'data', title: 'Data', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'head', title: 'Head', type: 'integer' },
      { name: 'importance', title: 'Importance', type: 'number' },
      { name: 'distance', title: 'Distance', type: 'number' },
      { name: 'circuit', title: 'In the circuit', type: 'boolean' },
    ],
    rows: runs.flatMap(({ model, samples, value }) => {
      const circuit = new Set(value.circuit);
      let number = 0;
      return value.importance.flatMap((own, site) =>
        Array.from(own, (importance, head) => [
          model,
          samples.name,
          entries[site]?.layer ?? '',
          head,
          importance,
          value.distance[site]?.[head] ?? null,
          circuit.has(number++),
        ]),
      );
    }),
  };
}

const NAMED = 3;

function advice(runs: readonly Run[], entries: readonly AxisEntry[]) {
  const lines = runs.map((run) => {
    const all = run.value.importance.flatMap((own, site) =>
      Array.from(own, (value, head) => ({
        value,
        label: `${entries[site]?.label ?? ''} head ${String(head)}`,
      })),
    );
    const order = all.toSorted((x, y) => y.value - x.value);
    const text = `${run.name}: leans most on ${namesText(order.slice(0, NAMED).map(({ label }) => label))} (KL ${shortNumber(order[0]?.value ?? 0)} nats without the first); least on ${order.at(-1)?.label ?? ''}.`;
    const base = baseOf(run, runs);
    if (!base) return text;
    const shared = intersectionOverUnion(run.value.circuit, base.value.circuit) ?? 0;
    const chance = randomOverlap(run.value.circuit.length, base.value.circuit.length, all.length) ?? 0;
    return `${text} Of ${wholeText(run.value.circuit.length)} heads of its circuit and that of the base ${percent(shared)} are in both (random sets ${percent(chance)}).`;
  });
  return recommendation(
    'Which heads to keep',
    lines,
    'each head is switched off alone: two that stand in for each other both look idle. Switch off one, run again, and go on.',
  );
}

import type { Artifact, Note, Scatter, Series, Table } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { numberMean } from './activations/number-mean';
import { REGIONS, type Region, type SampleDynamics } from './activations/training-dynamics';
import { recommendation } from './recommendation';
import { orderText, stageValues, type RunStage } from './run-order';
import { countText, namesText, percent, shortNumber } from './wording';

/** One data set as the checkpoints of a run see it. */
export interface DataMap {
  readonly name: string;
  /** Which samples, and how many checkpoints. */
  readonly caption: string;
  readonly samples: readonly SampleDynamics[];
  /** As long as the samples. */
  readonly regions: readonly Region[];
  /** Confidence that parts easy from hard. */
  readonly cut: number;
  /** Of the chosen samples in the data set. */
  readonly indices: readonly number[];
  /** `perSample` for every chosen sample. */
  readonly labels: Float64Array;
  readonly perSample: number;
  /** Whether every label is a sample of its own. */
  readonly perRow: boolean;
}

/** All that is shown of maps over the same checkpoints. */
export function dataMapArtifacts(
  maps: readonly DataMap[],
  stages: readonly RunStage[],
  isRun: boolean,
): readonly Artifact[] {
  const several = maps.length > 1;
  return [
    ...(isRun ? [] : [NO_RUN]),
    advice(maps),
    ...maps.map((map) => mapFigure(map, stages, several)),
    ...maps.map((map) => curves(map, stages, several)),
    regionTable(maps),
    stageTable(maps, stages),
    sampleTable(maps, stages),
  ];
}

const NO_RUN: Note = {
  kind: 'note',
  id: 'no-run',
  title: 'These tasks are no training run',
  severity: 'warning',
  role: 'verdict',
  text: 'They are not the checkpoints of one run (folders called checkpoint-500 and so on, or trainer logs that continue each other), so variability says how far models disagree on a sample, not how training went on, and forgetting means nothing. Name the folder of a run for a data map.',
};

const NAMES: Readonly<Record<Region, string>> = {
  easy: 'easy to learn',
  ambiguous: 'ambiguous',
  hard: 'hard to learn',
};

function facetsOf(name: string, several: boolean) {
  return several ? { facets: { data: name } } : {};
}

/** `sample 17`, as it stands in the data set from 0 on; with the token where these are the points. */
function labelOf({ indices, perSample, perRow }: DataMap, { at }: SampleDynamics): string {
  if (!perRow || perSample === 1) return `sample ${String(indices[at] ?? at)}`;
  const sample = Math.floor(at / perSample);
  return `sample ${String(indices[sample] ?? sample)}, token ${String(at % perSample)}`;
}

function mapFigure(map: DataMap, stages: readonly RunStage[], several: boolean): Scatter {
  return {
    kind: 'scatter',
    id: several ? `map:${map.name}` : 'map',
    title: `Data map of ${map.name}`,
    ...facetsOf(map.name, several),
    caption: `Over ${map.caption} ${orderText(stages)} A confidence of ${shortNumber(map.cut)} parts easy from hard.`,
    x: { title: 'variability', values: packNumbers(map.samples.map(({ variability }) => variability)) },
    y: {
      title: 'confidence: mean p(label)',
      values: packNumbers(map.samples.map(({ confidence }) => confidence)),
    },
    points: map.samples.map((sample) => ({ label: labelOf(map, sample) })),
    groups: map.regions.map((region) => REGIONS.indexOf(region)),
    groupNames: REGIONS.map((region) => NAMES[region]),
    isNamed: false,
  };
}

/** Mean p(label) of every region along the run. */
function curves(map: DataMap, stages: readonly RunStage[], several: boolean): Series {
  const lineOf = (name: string, samples: readonly SampleDynamics[]) => ({
    name,
    values: packNumbers(stages.map((_, at) => numberMean(samples.map(({ curve }) => curve[at] ?? null)))),
  });
  return {
    kind: 'series',
    id: several ? `learning:${map.name}` : 'learning',
    title: `How ${map.name} was learnt`,
    ...facetsOf(map.name, several),
    caption: `Over ${map.caption} ${orderText(stages)}`,
    x: stageValues(stages),
    lines: REGIONS.flatMap((region) => {
      const own = map.samples.filter((_, at) => map.regions[at] === region);
      return own.length > 0 ? [lineOf(NAMES[region], own)] : [];
    }),
    unit: 'mean p(label)',
  };
}

function membersOf({ samples, regions }: DataMap, region: Region): readonly SampleDynamics[] {
  return samples.filter((_, at) => regions[at] === region);
}

function regionTable(maps: readonly DataMap[]): Table {
  const mean = (samples: readonly SampleDynamics[], key: 'confidence' | 'variability' | 'correctness') =>
    numberMean(samples.map((sample) => sample[key]));
  return {
    kind: 'table',
    id: 'regions',
    title: 'Regions of every data set',
    columns: [
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'region', title: 'Region', type: 'text' },
      { name: 'samples', title: 'Samples', type: 'integer' },
      { name: 'share', title: 'Share', type: 'share' },
      { name: 'confidence', title: 'Confidence', type: 'number' },
      { name: 'variability', title: 'Variability', type: 'number' },
      { name: 'correctness', title: 'Correctness', type: 'share' },
      { name: 'forgotten', title: 'Forgetting events', type: 'number' },
      { name: 'el2n', title: 'EL2N', type: 'number' },
    ],
    rows: maps.flatMap((map) =>
      REGIONS.map((region) => {
        const own = membersOf(map, region);
        return [
          map.name,
          region,
          own.length,
          own.length / Math.max(1, map.samples.length),
          mean(own, 'confidence'),
          mean(own, 'variability'),
          mean(own, 'correctness'),
          numberMean(own.map(({ forgotten }) => forgotten)),
          numberMean(own.map(({ error }) => error)),
        ];
      }),
    ),
  };
}

function stageTable(maps: readonly DataMap[], stages: readonly RunStage[]): Table {
  return {
    kind: 'table',
    id: 'checkpoints',
    title: 'Checkpoints',
    columns: [
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'step', title: 'Step', type: 'integer' },
      { name: 'probability', title: 'Mean p(label)', type: 'number' },
    ],
    rows: maps.flatMap(({ name, samples }) =>
      stages.map((stage, at) => [
        name,
        stage.name,
        stage.step,
        numberMean(samples.map(({ curve }) => curve[at] ?? null)),
      ]),
    ),
  };
}

function sampleTable(maps: readonly DataMap[], stages: readonly RunStage[]): Table {
  return {
    kind: 'table',
    id: 'samples',
    title: 'Every sample',
    columns: [
      { name: 'data', title: 'Data set', type: 'text' },
      { name: 'sample', title: 'Sample', type: 'integer' },
      { name: 'token', title: 'Token', type: 'integer' },
      { name: 'label', title: 'Label', type: 'integer' },
      { name: 'region', title: 'Region', type: 'text' },
      { name: 'confidence', title: 'Confidence', type: 'number' },
      { name: 'variability', title: 'Variability', type: 'number' },
      { name: 'correctness', title: 'Correctness', type: 'share' },
      { name: 'forgotten', title: 'Forgetting events', type: 'number' },
      { name: 'learnt_at', title: 'Right from checkpoint', type: 'text' },
      { name: 'el2n_first', title: 'EL2N at the first checkpoint', type: 'number' },
      { name: 'el2n', title: 'EL2N on average', type: 'number' },
      { name: 'curve', title: 'p(label) at every checkpoint', type: 'text', hidden: true },
    ],
    rows: maps.flatMap((map) =>
      map.samples.map((sample, position) => {
        const single = !isOfMany(map);
        const at = map.perRow ? Math.floor(sample.at / map.perSample) : sample.at;
        return [
          map.name,
          map.indices[at] ?? at,
          map.perRow && map.perSample > 1 ? sample.at % map.perSample : null,
          single ? (map.labels[sample.at] ?? null) : null,
          map.regions[position] ?? '',
          sample.confidence,
          sample.variability,
          sample.correctness,
          sample.forgotten,
          sample.learnt === null ? null : (stages[sample.learnt]?.name ?? null),
          sample.firstError,
          sample.error,
          sample.curve,
        ];
      }),
    ),
  };
}

/** A map in which no more than this wavers has little to be told apart by. */
const STEADY = 0.02;

function advice(maps: readonly DataMap[]): Note {
  const lines = maps.flatMap((map) => {
    const count = (region: Region) => countText(membersOf(map, region).length, noun(map));
    const shareOf = (region: Region) => membersOf(map, region).length / Math.max(1, map.samples.length);
    const hardest = membersOf(map, 'hard').toSorted((x, y) => x.confidence - y.confidence);
    const never = hardest.filter(({ correctness }) => correctness === 0);
    const spread = numberMean(map.samples.map(({ variability }) => variability)) ?? 0;
    return [
      `${map.name}: ${percent(shareOf('easy'))} easy, ${percent(shareOf('ambiguous'))} ambiguous, ${percent(shareOf('hard'))} hard to learn.`,
      ...(spread < STEADY
        ? [
            `${map.name}: nothing wavers (variability ${shortNumber(spread)} on average), so the regions tell little apart: take checkpoints from earlier in the run.`,
          ]
        : []),
      ...(hardest.length > 0
        ? [
            `${map.name}: ${isOfMany(map) ? 'look at' : 'check the labels of'} the ${count('hard')} that are hard to learn${never.length > 0 ? `, ${countText(never.length, noun(map))} of which no checkpoint gets right` : ''}: ${namesText(hardest.map((sample) => labelOf(map, sample)))}.`,
          ]
        : []),
      ...(shareOf('easy') > 0.5
        ? [
            `${map.name}: most of it is easy; a repeat may do with fewer of these, but not without any: training without easy samples often fails.`,
          ]
        : []),
    ];
  });
  return recommendation(
    'What to do with the data',
    lines,
    'a map is of this model and this run. Hard is not wrong: look at a sample before it goes. Leave samples out, train again, and measure on data that were kept apart.',
  );
}

/** Whether a point stands for many labels, so that one of these hardly decides. */
function isOfMany({ perRow, perSample }: DataMap): boolean {
  return !perRow && perSample > 1;
}

function noun({ perRow, perSample }: DataMap): string {
  return perRow && perSample > 1 ? 'token' : 'sample';
}

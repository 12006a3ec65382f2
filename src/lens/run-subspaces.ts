import type { TensorEntry } from '../format/checkpoint';
import { networkOrder, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Artifact, Matrix, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { success, type Result } from '../protocol/result';
import { principalCosines } from '../tensor/linear/principal-angles';
import type { Dense } from '../tensor/linear/dense';
import type { MatrixOutcome } from '../tensor/matrix-source';
import type { LensContext } from './lens';
import { deltaSource, matrixShape, readMatrices, type MatrixWork } from './matrix-pass';
import { networkAxes } from './network-axes';
import { orderText, stageAxis, stageValues, type RunStage } from './run-order';
import { wholeText } from './wording';

/** The leading subspace of τ of one tensor at one checkpoint. */
interface SubspaceStage {
  readonly tensor: string;
  readonly stage: number;
  /** Leading singular values, descending; `null` where the tensor has entries that are not finite. */
  readonly singular: readonly number[] | null;
  /** ‖UᵀV‖²/k of the leading left singular vectors with those of the checkpoint before; `null` for the first. */
  readonly overlap: number | null;
  /** Largest principal angle between them, in degrees. */
  readonly angle: number | null;
}

/**
 * Leading singular values of τ of every matrix at every checkpoint, and how far their left subspace turned since the
 * checkpoint before (Kleinman et al. 2023 follow both along training). Fails as reading does.
 */
export async function runSubspaces(
  study: Study,
  stages: readonly RunStage[],
  rank: number,
  context: LensContext,
): Promise<Result<readonly SubspaceStage[]>> {
  const places = matricesOf(study, stages).flatMap((entry) => stages.map((_, stage) => ({ entry, stage })));
  const work = places.flatMap(({ entry, stage }): MatrixWork[] => {
    const delta = study.tasks[stages[stage]?.task ?? -1]?.deltas.get(entry.name);
    return delta
      ? [
          {
            operation: { kind: 'svd', rank },
            load: () => deltaSource(entry, delta),
          },
        ]
      : [];
  });
  const found: SubspaceStage[] = [];
  let before: Dense | null = null;
  const read = await readMatrices(
    work,
    context,
    (outcome, index) => {
      const place = places[index];
      if (!place) return;
      const { entry, stage } = place;
      const basis = basisOf(outcome);
      const turned = stage > 0 && before && basis ? rotation(before, basis) : NOT_TURNED;
      const singular = outcome.singular && [...outcome.singular].slice(0, rank);
      found.push({ tensor: entry.name, stage, singular, ...turned });
      before = basis;
    },
    'Following subspaces',
  );
  return read.ok ? success(found) : read;
}

const NOT_TURNED = { overlap: null, angle: null };

/** Tensors of two or more dimensions that every checkpoint has. */
function matricesOf({ base, tasks }: Study, stages: readonly RunStage[]): TensorEntry[] {
  const entries = new Map(base?.tensors.map((entry) => [entry.name, entry]) ?? []);
  return networkOrder([...entries.keys()]).flatMap((name) => {
    const entry = entries.get(name);
    const shape = entry && matrixShape(entry);
    const everywhere = stages.every(({ task }) => tasks[task]?.deltas.has(name));
    return entry && shape && shape.rows > 1 && shape.columns > 1 && everywhere ? [entry] : [];
  });
}

/** Left singular vectors of the singular values that are not 0; `null` where there are none. */
function basisOf({ rows, singular, left, error }: MatrixOutcome): Dense | null {
  if (!singular || !left) return null;
  const stored = singular.length;
  const kept = singular.filter((value) => value > (error ?? 0)).length;
  if (kept === 0) return null;
  const values = new Float64Array(rows * kept);
  for (let row = 0; row < rows; row++) {
    values.set(left.subarray(row * stored, row * stored + kept), row * kept);
  }
  return { rows, columns: kept, values };
}

function rotation(before: Dense, after: Dense): Pick<SubspaceStage, 'overlap' | 'angle'> {
  const cosines = principalCosines(before, after);
  const size = Math.min(before.columns, after.columns);
  const least = cosines[size - 1] ?? 0;
  return {
    overlap: cosines.reduce((sum, value) => sum + value * value, 0) / size,
    angle: (Math.acos(Math.min(1, least)) * 180) / Math.PI,
  };
}

/** Singular values of so many tensors are drawn; the table has them all. */
const MOST_DRAWN = 60;

/** Heatmap of the rotation, curves of singular values, and the table of both. */
export function subspaceArtifacts(
  found: readonly SubspaceStage[],
  stages: readonly RunStage[],
  rank: number,
): Artifact[] {
  const tensors = [...new Set(found.map(({ tensor }) => tensor))];
  if (tensors.length === 0) return [];
  return [
    rotationMatrix(found, stages, rank),
    ...tensors.slice(0, MOST_DRAWN).map((tensor) => singularCurves(tensor, found, stages, rank)),
    subspaceTable(found, stages, rank),
  ];
}

function rotationMatrix(found: readonly SubspaceStage[], stages: readonly RunStage[], rank: number): Matrix {
  const axes = networkAxes(found.map(({ tensor }) => placeOf(tensor)));
  const values = axes.rows.flatMap(({ layer }) =>
    stages.map((_, stage) => {
      const overlaps = found.flatMap((each) =>
        each.stage === stage && placeOf(each.tensor).row === layer ? (each.overlap ?? []) : [],
      );
      if (overlaps.length === 0) return null;
      return 1 - overlaps.reduce((sum, value) => sum + value, 0) / overlaps.length;
    }),
  );
  return {
    kind: 'matrix',
    id: 'rotation:layer',
    title: 'Rotation of subspaces · by layer',
    facets: { metric: 'rotation', by: 'layer' },
    caption: `1 − ‖UₛᵀUₛ₋₁‖²/k of the ${wholeText(rank)} leading left singular vectors of τ, mean over the matrices of a layer: 0 where the direction of the change is settled. Undefined at the first checkpoint. ${orderText(stages)}`,
    rows: axes.rows,
    columns: stageAxis(stages),
    rowTitle: 'layer',
    columnTitle: 'checkpoint',
    values: packNumbers(values),
    unit: '1 − overlap',
    scale: 'sequential',
    domain: values.some((value) => value !== null) ? [0, 1] : null,
  };
}

function singularCurves(
  tensor: string,
  found: readonly SubspaceStage[],
  stages: readonly RunStage[],
  rank: number,
): Series {
  const own = new Map(found.filter((each) => each.tensor === tensor).map((each) => [each.stage, each]));
  return {
    kind: 'series',
    id: `singular:${tensor}`,
    title: `Singular values of τ · ${tensor}`,
    facets: { tensor },
    caption: `The ${wholeText(rank)} largest. ${orderText(stages)}`,
    x: stageValues(stages),
    lines: Array.from({ length: rank }, (_, k) => ({
      name: `σ${String(k + 1)}`,
      values: packNumbers(stages.map((__, stage) => own.get(stage)?.singular?.[k] ?? null)),
    })),
    unit: 'σ',
    places: stages.map(({ name }) => ({ label: name, tensor, task: name })),
  };
}

function subspaceTable(found: readonly SubspaceStage[], stages: readonly RunStage[], rank: number): Table {
  return {
    kind: 'table',
    id: 'subspaces',
    title: 'Singular values and subspaces of τ',
    caption: `The ${wholeText(rank)} leading singular values and left singular vectors of τ of each matrix. Overlap ‖UₛᵀUₛ₋₁‖²/k and the largest principal angle are against the checkpoint before.`,
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'step', title: 'Step', type: 'integer' },
      { name: 'largest', title: 'σ₁', type: 'number' },
      { name: 'overlap', title: 'Overlap with the one before', type: 'share' },
      { name: 'angle', title: 'Largest angle (°)', type: 'number' },
      { name: 'singular_values', title: 'Singular values', type: 'number', hidden: true },
    ],
    rows: found.map(({ tensor, stage, singular, overlap, angle }): TableCell[] => [
      tensor,
      stages[stage]?.name ?? null,
      stages[stage]?.step ?? null,
      singular?.[0] ?? null,
      overlap,
      angle,
      singular,
    ]),
  };
}

import { ModelFindings } from '../model/model-findings';
import { placeOf } from '../model/naming';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { MatrixOutcome } from '../tensor/matrix-source';
import type { LensContext } from './lens';
import { noiseEdge, type NoiseEdge } from './marchenko-pastur';
import { readMatrices } from './matrix-pass';
import { countedValues, powerLaw, type PowerLaw } from './power-law';
import { productEdge } from './product-edge';
import { livingRanks, spectralFigures, type SpectralFigures } from './spectral-figures';
import type { StudyMatrices, StudyMatrix } from './study-matrices';
import { wholeText } from './wording';

/** The spectrum of one matrix of a study. */
export interface Spectrum extends SpectralFigures {
  readonly tensor: string;
  /** Index into the names of the matrices. */
  readonly of: number;
  readonly place: Place;
  readonly rows: number;
  readonly columns: number;
  readonly nominalRank: number | null;
  /** Of the nominal rank, those without a singular value to speak of. */
  readonly deadRanks: number | null;
  /** Of the living ranks of an adapter, the smallest that together hold at most a hundredth of the energy. */
  readonly redundantRanks: number | null;
  /** Ranks above the random-matrix edge: of a product of factors for an adapter, else of a matrix. */
  readonly edgeRank: number | null;
  /** How many singular values there are, and how many of them are not rounding. */
  readonly values: number;
  readonly counted: number;
  /** The largest of them, as many as there is room for. */
  readonly listed: Float64Array;
  /** Bound of the error of any singular value. */
  readonly error: number;
  readonly powerLaw: PowerLaw | null;
  readonly noise: NoiseEdge | null;
}

/** Numbers that a result lists at most; a megabyte of text holds about fifty thousand. */
const MOST_LISTED = 2 ** 21;
const SHARE_OF_BUDGET = 1 / 16;
const BYTES_PER_DOUBLE = 8;

/**
 * Singular values of every matrix, one batch after the other; only their figures and the largest values are kept. A
 * matrix that holds NaN or infinities has no spectrum, which becomes a finding. Fails as reading does, or with `cancelled`.
 */
export async function readSpectra(
  study: Study,
  { names, matrices }: Pick<StudyMatrices, 'names' | 'matrices'>,
  context: LensContext,
): Promise<Result<{ spectra: readonly Spectrum[]; findings: readonly Finding[] }>> {
  const spectra: Spectrum[] = [];
  const broken = new BrokenMatrices(study, names);
  const numbers = Math.min(MOST_LISTED, (context.memoryBudget * SHARE_OF_BUDGET) / BYTES_PER_DOUBLE);
  const most = Math.max(1, Math.floor(numbers / Math.max(1, matrices.length)));
  const work = matrices.map(({ load }) => ({ operation: { kind: 'singularValues' as const }, load }));
  const read = await readMatrices(
    work,
    context,
    (outcome, index) => {
      const matrix = matrices[index];
      if (!matrix) return;
      if (outcome.tooLarge !== undefined) broken.addRefused(matrix, outcome.tooLarge);
      else if (outcome.singular === null)
        broken.add(matrix, outcome.nonFinite, outcome.rows * outcome.columns);
      else spectra.push(spectrumOf(matrix, outcome, outcome.singular, most));
    },
    'Computing singular values',
  );
  return read.ok ? success({ spectra, findings: broken.findings() }) : read;
}

function spectrumOf(
  { tensor, of, nominalRank }: StudyMatrix,
  { rows, columns, error }: MatrixOutcome,
  singular: Float64Array,
  most: number,
): Spectrum {
  const living = Math.min(livingRanks(singular), nominalRank ?? Infinity);
  const figures = spectralFigures(singular);
  const noise = noiseEdge(singular, rows, columns);
  const product = nominalRank === null ? null : productEdge(singular, rows, columns, nominalRank);
  return {
    tensor,
    of,
    place: placeOf(tensor),
    rows,
    columns,
    nominalRank,
    deadRanks: nominalRank === null ? null : Math.max(0, nominalRank - living),
    redundantRanks:
      nominalRank === null || figures.rank99 === null ? null : Math.max(0, living - figures.rank99),
    edgeRank: (nominalRank === null ? noise : product)?.above ?? null,
    values: singular.length,
    counted: countedValues(singular),
    listed: singular.slice(0, most),
    error: error ?? 0,
    powerLaw: powerLaw(singular),
    noise,
    ...figures,
  };
}

/** Collects the matrices that have no singular values because an entry is not finite. */
export class BrokenMatrices {
  private readonly base: ModelFindings;
  private readonly tasks: readonly ModelFindings[];

  /** `names` as in {@link StudyMatrices}: with or without the base before the tasks. */
  constructor(
    study: Study,
    private readonly names: readonly string[],
  ) {
    this.base = new ModelFindings(study.base?.path ?? study.spec.name);
    this.tasks = study.tasks.map(({ checkpoint }) => new ModelFindings(checkpoint.path));
  }

  /** `nonFinite` of `count` entries are NaN or infinite. */
  add({ tensor, of }: Pick<StudyMatrix, 'tensor' | 'of'>, nonFinite: number, count: number): void {
    this.list(of).add(
      'matrix-not-finite',
      `${this.names[of] ?? ''}: ${wholeText(nonFinite)} of ${wholeText(count)} entries of ${tensor} are NaN or infinite here or in the base, so it is left out.`,
      tensor,
    );
  }

  /** The matrix is too large for its singular values, for this reason (a sentence). */
  addRefused({ tensor, of }: Pick<StudyMatrix, 'tensor' | 'of'>, reason: string): void {
    this.list(of).add(
      'matrix-too-large',
      `${this.names[of] ?? ''}: ${tensor} is left out. ${reason}`,
      tensor,
    );
  }

  /** The matrix needs more memory than there is, whichever task it is of. */
  addTooLarge(tensor: string, rows: number, columns: number): void {
    this.base.add(
      'matrix-too-large',
      `${tensor} (${String(rows)} × ${String(columns)}) is left out: its singular vectors do not fit into memory.`,
      tensor,
    );
  }

  findings(): readonly Finding[] {
    return [this.base, ...this.tasks].flatMap((each) => each.all());
  }

  private list(of: number): ModelFindings {
    return this.tasks[of - (this.names.length - this.tasks.length)] ?? this.base;
  }
}

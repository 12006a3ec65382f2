import { projections } from '../../graph/projections';
import type { StudyNetwork } from '../../graph/study-network';
import { placeOf } from '../../model/naming';
import { success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import type { ModelRun } from './model-runs';
import { readTokens } from './read-tokens';
import { coveringUnits } from './unit-sets';

/** The neurons of one MLP. */
export interface NeuronSite {
  readonly layer: string;
  readonly label: string;
  /** What enters the last matrix of the MLP: a feature is a neuron. */
  readonly value: string;
}

/** Neurons of one site in one run. */
export interface SiteNeurons {
  /** How often each neuron was positive, over samples and tokens. */
  readonly counts: Float64Array;
  /** Samples × tokens. */
  readonly tokens: number;
  /** The smallest set that has the wanted share of all. */
  readonly special: readonly number[];
}

/** The MLPs of a network whose last matrix is known; those of experts are left out. */
export function neuronSites({ network }: StudyNetwork): readonly NeuronSite[] {
  return projections(network.map).flatMap(({ tensor, input }) => {
    const { module, expert, row, layerLabel } = placeOf(tensor);
    if (module !== 'mlp.down' || expert !== undefined) return [];
    return [{ layer: row, label: layerLabel, value: input }];
  });
}

/** Counts activations of every site in one run. Fails as running the network does. */
export async function neuronsOf(
  study: StudyNetwork,
  { task, samples }: ModelRun,
  sites: readonly NeuronSite[],
  share: number,
  { signal }: LensContext,
  progress: (share: number) => void,
): Promise<Result<readonly SiteNeurons[]>> {
  const counts = new Map<string, Float64Array>();
  const tokens = new Map<string, number>();
  const values = sites.map(({ value }) => value);
  const read = await readTokens(study, { model: task, samples, values, signal, progress }, (value, rows) => {
    const own = counts.get(value) ?? new Float64Array(rows.columns);
    rows.values.forEach((each, at) => {
      if (each > 0) own[at % rows.columns] = (own[at % rows.columns] ?? 0) + 1;
    });
    counts.set(value, own);
    tokens.set(value, (tokens.get(value) ?? 0) + rows.rows);
  });
  if (!read.ok) return read;
  return success(
    values.map((value) => {
      const own = counts.get(value) ?? new Float64Array();
      return { counts: own, tokens: tokens.get(value) ?? 0, special: coveringUnits(own, share) };
    }),
  );
}

import { placeOf } from '../model/naming';
import type { Table } from '../protocol/artifact';
import type { ChosenRank } from './factor-rank';

/** What became of one module. */
export interface RankRow extends ChosenRank {
  readonly module: string;
  /** The rank that it had; `null` for a full matrix. */
  readonly before: number | null;
  /** ‖ΔW‖_F */
  readonly norm: number;
  /** ‖ΔW‖_F / ‖W₀‖_F where the base is known. */
  readonly relative: number | null;
}

/** Ranks and errors by module, with where each stands. */
export function rankTable(rows: readonly RankRow[]): Table {
  return {
    kind: 'table',
    id: 'modules',
    title: 'Ranks by module',
    caption: 'The error is exact before rounding to the element type: ‖ΔW − ΔWr‖ / ‖ΔW‖.',
    columns: [
      { name: 'module', title: 'Module', type: 'text' },
      { name: 'layer', title: 'Layer', type: 'text', hidden: true },
      { name: 'kind', title: 'Kind', type: 'text', hidden: true },
      { name: 'rank_before', title: 'Rank before', type: 'integer' },
      { name: 'rank', title: 'Rank', type: 'integer' },
      { name: 'error', title: 'Error', type: 'share' },
      { name: 'energy', title: 'Energy kept', type: 'share' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
      { name: 'relative', title: '‖ΔW‖ / ‖W₀‖', type: 'number' },
    ],
    rows: rows.map(({ module, before, rank, error, energy, norm, relative }) => {
      const place = placeOf(`${module}.weight`);
      return [module, place.layer, place.module, before, rank, error, energy, norm, relative];
    }),
  };
}

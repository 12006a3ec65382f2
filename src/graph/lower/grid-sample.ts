import { int, intOf, textOf } from '../attributes';
import { sizeOf, type Emitter, type Term } from '../differentiate/emitter';
import type { Lowering, LoweringFamily } from './lowering';

/** One axis of the picture: the entry at or before a place, and how far the place is behind it. */
interface Along {
  readonly low: Term;
  readonly share: Term | null;
  readonly size: number;
}

/** Entries of pictures at places of a grid, interpolated between neighbours, as the operator's definition has it (set 16). */
const gridSample: Lowering = ({ emit, node, input }) => {
  const [x, grid] = [input(0), input(1)];
  if (x === null || grid === null) return 'its inputs are of unknown size';
  const mode = textOf(node, 'mode', 'bilinear');
  const padding = textOf(node, 'padding_mode', 'zeros');
  if (mode === 'bicubic' || mode === 'cubic') return 'it interpolates cubically';
  if (padding === 'reflection') return 'it reflects at the border';
  const corners = intOf(node, 'align_corners', 0) !== 0;
  const [batch = 1, channels = 1, ...sizes] = x.shape;
  const spots = sizeOf(grid.shape.slice(1, -1));
  const rank = sizes.length;
  const parts = emit.split(emit.reshape(grid, [batch, spots, rank]), Array<number>(rank).fill(1), 2);
  // The grid names the last axis first.
  const axes = sizes.map((size, axis) => {
    const place = parts[rank - 1 - axis];
    const flat = place ? emit.reshape(place, [batch, 1, spots]) : grid;
    return along(emit, flat, size, { corners, clamped: padding === 'border', nearest: mode === 'nearest' });
  });
  const flat = emit.reshape(x, [batch, channels, sizeOf(sizes)]);
  const neighbours = mode === 'nearest' ? [sizes.map(() => 0)] : neighboursOf(rank);
  const sums = neighbours.map((offsets) => neighbour(emit, flat, axes, offsets));
  const [first, ...others] = sums;
  if (first === undefined) return 'it has no axis';
  const whole = others.reduce((sum, one) => emit.add(sum, one), first);
  return [emit.reshape(whole, [batch, channels, ...grid.shape.slice(1, -1)])];
};

/** −1 … 1 as a place among entries. */
function along(
  emit: Emitter,
  place: Term,
  size: number,
  how: { readonly corners: boolean; readonly clamped: boolean; readonly nearest: boolean },
): Along {
  const span = how.corners ? size - 1 : size;
  const at = emit.scale(emit.shift(place, 1), span / 2);
  const entry = how.corners ? at : emit.shift(at, -0.5);
  const inside = how.clamped
    ? emit.apply('Clip', [entry, emit.scalar(entry, 0), emit.scalar(entry, size - 1)], entry.shape)
    : entry;
  if (how.nearest) return { low: emit.map('Round', inside), share: null, size };
  const low = emit.map('Floor', inside);
  return { low, share: emit.sub(inside, low), size };
}

function neighboursOf(rank: number): readonly (readonly number[])[] {
  return Array.from({ length: 2 ** rank }, (_, i) =>
    Array.from({ length: rank }, (__, axis) => (i >> axis) & 1),
  );
}

/** What one neighbour adds: its entry times the share of each axis; nothing outside the picture. */
function neighbour(emit: Emitter, flat: Term, axes: readonly Along[], offsets: readonly number[]): Term {
  let index: Term | null = null;
  let weight: Term | null = null;
  const times = (factor: Term): Term => (weight === null ? factor : emit.mul(weight, factor));
  for (const [axis, { low, share, size }] of axes.entries()) {
    const entry = emit.shift(low, offsets[axis] ?? 0);
    const limited = emit.apply(
      'Clip',
      [entry, emit.scalar(entry, 0), emit.scalar(entry, size - 1)],
      entry.shape,
    );
    const inside = emit.cast(emit.compare('Equal', limited, entry), entry.type);
    if (share !== null) weight = times(offsets[axis] === 1 ? share : emit.sub(emit.scalar(share, 1), share));
    weight = times(inside);
    const own = emit.cast(limited, 'int64');
    const count = { name: emit.draft.constant('int64', [], [size]), shape: [], type: 'int64' as const };
    index = index === null ? own : emit.add(emit.mul(index, count), own);
  }
  if (index === null || weight === null) return flat;
  const shape = [flat.shape[0] ?? 1, flat.shape[1] ?? 1, index.shape[2] ?? 1];
  const entries = emit.apply('GatherElements', [flat, emit.expand(index, shape)], shape, { axis: int(2) });
  return emit.mul(entries, weight);
}

/** Sampling of pictures. */
export const gridSampling: LoweringFamily = { GridSample: gridSample };

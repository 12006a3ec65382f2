import { int, intOf } from '../attributes';
import type { Emitter, Term } from '../differentiate/emitter';
import type { Lowering, LoweringFamily } from './lowering';

/** Cosines and sines for every position, [batch or 1, 1, position, half] each. */
export interface Angles {
  readonly cosines: Term;
  readonly sines: Term;
}

/** The rows of the caches for positions [batch or 1, position]; without them the caches have rows by batch already. */
export function rotate(
  emit: Emitter,
  cosines: Term,
  sines: Term,
  places: Term | null,
  batch: number,
  positions: number,
): Angles {
  const half = cosines.shape.at(-1) ?? 1;
  const rows = (cache: Term): Term => {
    if (places === null) return emit.reshape(cache, [batch, 1, positions, half]);
    const lead = places.shape[0] ?? 1;
    const found = emit.apply('Gather', [cache, places], [...places.shape, half], { axis: int(0) });
    return emit.reshape(found, [lead, 1, positions, half]);
  };
  return { cosines: rows(cosines), sines: rows(sines) };
}

/**
 * Pairs of entries (a, b) of [batch, heads, position, size] as (a cos − b sin, b cos + a sin): arXiv:2104.09864, equation 34.
 * Pairs stand side by side (interleaved) or half the rotated width apart; entries beyond that width stay.
 */
export function rotatedHeads(emit: Emitter, x: Term, { cosines, sines }: Angles, interleaved: boolean): Term {
  const size = x.shape[3] ?? 1;
  const half = cosines.shape[3] ?? 1;
  const lead = x.shape.slice(0, 3);
  const [turning, rest] = size > 2 * half ? emit.split(x, [2 * half, size - 2 * half], 3) : [x];
  if (turning === undefined) return x;
  const pairs = interleaved ? emit.reshape(turning, [...lead, half, 2]) : turning;
  const [a, b] = emit.split(pairs, interleaved ? [1, 1] : [half, half], interleaved ? 4 : 3);
  if (a === undefined || b === undefined) return x;
  const [first, second] = [emit.reshape(a, [...lead, half]), emit.reshape(b, [...lead, half])];
  const turned = [
    emit.sub(emit.mul(first, cosines), emit.mul(second, sines)),
    emit.add(emit.mul(second, cosines), emit.mul(first, sines)),
  ];
  const whole = interleaved
    ? emit.reshape(
        emit.concat(
          turned.map((part) => emit.reshape(part, [...lead, half, 1])),
          4,
        ),
        [...lead, 2 * half],
      )
    : emit.concat(turned, 3);
  return rest === undefined ? whole : emit.concat([whole, rest], 3);
}

/** Rotary embedding; `slots` of positions, cosines and sines differ between the standard one and the runtime's. */
const rotation =
  (slots: { readonly places: number; readonly cosines: number; readonly sines: number }): Lowering =>
  ({ emit, node, input }) => {
    const [x, cosines, sines] = [input(0), input(slots.cosines), input(slots.sines)];
    if (x === null || cosines === null || sines === null) return 'its inputs are of unknown size';
    if (intOf(node, 'is_packed_batching', 0) !== 0) return 'its sequences are packed';
    const flat = x.shape.length === 3;
    const [batch = 1] = x.shape;
    const positions = (flat ? x.shape[1] : x.shape[2]) ?? 1;
    const width = x.shape[2] ?? 1;
    const partial = intOf(node, 'rotary_embedding_dim', 0) !== 0;
    const given = intOf(node, 'num_heads', 0);
    const heads = given !== 0 ? given : width / (2 * (cosines.shape.at(-1) ?? 1));
    if (flat && partial && given === 0) return 'its number of heads is unknown';
    const places = input(slots.places);
    const whole = places?.shape.length === 1 ? offset(emit, places, positions) : places;
    const angles = rotate(emit, cosines, sines, whole, batch, positions);
    const headed = flat
      ? emit.transpose(emit.reshape(x, [batch, positions, heads, width / heads]), [0, 2, 1, 3])
      : x;
    const turned = rotatedHeads(emit, headed, angles, intOf(node, 'interleaved', 0) !== 0);
    return [flat ? emit.reshape(emit.transpose(turned, [0, 2, 1, 3]), x.shape) : turned];
  };

/** The positions from a first one on. */
function offset(emit: Emitter, first: Term, positions: number): Term {
  return emit.add(emit.reshape(first, [1, 1]), emit.range([1, positions]));
}

/** Rotations of queries and keys by their positions. */
export const rotations: LoweringFamily = {
  RotaryEmbedding: rotation({ cosines: 1, sines: 2, places: 3 }),
  'com.microsoft.RotaryEmbedding': rotation({ places: 1, cosines: 2, sines: 3 }),
};

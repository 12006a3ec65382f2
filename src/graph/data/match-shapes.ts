import { quoted } from '../../format/problems';
import type { DataOptions } from '../../protocol/data';
import { success, type Result } from '../../protocol/result';
import type { ElementType } from '../../format/onnx/element-types';
import type { ValueInfo } from '../../format/onnx/types';
import type { DataArray, DataSet } from './data-set';
import type { InputMatch } from './data-match';
import type { LabelMatch } from './match-labels';
import { refuse } from './problems';

/** An input, the array that feeds it, and the type it is fed in. */
export interface Sized {
  readonly input: ValueInfo;
  readonly array: DataArray;
  readonly type: ElementType;
}

const BATCH = /^(batch|batch_?size|n|b|bs)$/i;

/** The axis of an input along which samples are stacked: the one that is called so, else the first. */
export function batchAxisOf({ shape }: ValueInfo): number {
  const named = shape?.findIndex((size) => typeof size === 'string' && BATCH.test(size)) ?? -1;
  return Math.max(0, named);
}

/** Sizes that an input takes for one sample, matched with those of an array: its shape without the first axis. */
export function inputSizes(
  input: ValueInfo,
  array: DataArray,
): Result<readonly (readonly [number | string | null, number | null])[]> {
  if (input.shape === null) return success([]);
  const axis = batchAxisOf(input);
  const taken = input.shape.filter((_, i) => i !== axis);
  const given = array.shape.slice(1);
  const sizes = taken.map((size, i) => [size, given[i] ?? null] as const);
  const differ = sizes.some(([size, found]) => typeof size === 'number' && found !== null && size !== found);
  if (array.shape.length === input.shape.length && !differ) return success(sizes);
  return refuse('data-input-shape', '', takesButHas(input, array), input.name);
}

/** How many samples there are, and which arrays are rows and which the same for all samples. */
export function countSamples(
  data: DataSet,
  pairs: readonly Sized[],
  labels: LabelMatch | null,
  { constant = [] }: DataOptions,
): Result<{ readonly samples: number; readonly placed: readonly InputMatch[] }> {
  const { path } = data;
  const leading = pairs.filter(({ input, array }) => !constant.includes(array.name) && takesBatch(input));
  const rest = pairs.filter(({ array }) => !constant.includes(array.name) && array.shape.length > 0);
  const deciding = [
    ...(leading.length > 0 ? leading : rest).map(({ array }) => array),
    ...(labels ? [labels.array] : []),
  ];
  const samples = mostFrequent(deciding.flatMap(({ shape }) => shape[0] ?? []));
  const placed: InputMatch[] = [];
  for (const { input, array, type } of pairs) {
    const same = constant.includes(array.name) || array.shape.length === 0;
    const fixed = !same && array.shape[0] !== samples && !takesBatch(input) && wholeFits(input, array);
    if (!same && !fixed && array.shape[0] !== samples) return refuseCount(path, array, samples, deciding);
    if ((same || fixed) && !wholeFits(input, array)) {
      return refuse('data-input-shape', path, `${path}: ${takesButHas(input, array)}`, input.name);
    }
    const kind = same || fixed ? 'constant' : 'rows';
    placed.push({ input, type, batchAxis: batchAxisOf(input), feed: { kind, array } });
  }
  const wrong = labels && [labels.array, labels.mask].find((array) => array && array.shape[0] !== samples);
  if (wrong) return refuseCount(path, wrong, samples, deciding);
  if (samples === 0) return refuse('data-empty', path, `${path} holds no sample.`);
  return success({ samples, placed });
}

/**
 * Checks the sizes of all arrays against the inputs, equal names of sizes having to mean equal sizes. Gives the number of
 * samples that a run must have and the length of padded arrays, where the graph fixes them.
 */
export function bindSizes(
  { path }: DataSet,
  placed: readonly InputMatch[],
  samples: number,
): Result<{ readonly batch: number | null; readonly length: number | null }> {
  const names = new Map<string, { readonly size: number; readonly input: string }>();
  let batch: number | null = null;
  let length: number | null = null;
  for (const { input, feed, batchAxis } of placed) {
    if (feed.kind !== 'rows') continue;
    const sizes = inputSizes(input, feed.array);
    if (!sizes.ok) {
      return refuse('data-input-shape', path, `${path}: ${sizes.problem.message}`, input.name);
    }
    const own = input.shape?.[batchAxis];
    if (typeof own === 'number') {
      if (batch !== null && batch !== own) return refuseBatches(path, input, own, `another ${String(batch)}`);
      if (own > samples) return refuseBatches(path, input, own, `the data have ${String(samples)}`);
      batch = own;
    }
    for (const [size, found] of sizes.value) {
      if (typeof size === 'number' && feed.array.padded === true && found === null) length = size;
      if (typeof size !== 'string' || found === null) continue;
      const known = names.get(size);
      if (known !== undefined && known.size !== found) {
        const message = `${path}: ${quoted(size)} is ${String(known.size)} in the data for ${quoted(known.input)} and ${String(found)} in those for ${quoted(input.name)}.`;
        return refuse('data-input-shape', path, message, input.name);
      }
      names.set(size, { size: found, input: input.name });
    }
  }
  return success({ batch, length });
}

function takesBatch(input: ValueInfo): boolean {
  return typeof input.shape?.[batchAxisOf(input)] !== 'number';
}

/** Whether an array has the whole shape of an input, so that it can be the same for all samples. */
function wholeFits({ shape }: ValueInfo, array: DataArray): boolean {
  if (shape === null) return true;
  return (
    shape.length === array.shape.length &&
    shape.every((size, i) => typeof size !== 'number' || size === array.shape[i])
  );
}

/** The number that is there most often; of equally frequent ones the largest. 0 where there is none. */
function mostFrequent(numbers: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1);
  const [best] = [...counts].sort(([a, countA], [b, countB]) => countB - countA || b - a);
  return best?.[0] ?? 0;
}

function takesButHas(input: ValueInfo, array: DataArray): string {
  const takes = shapeText(input.shape ?? []);
  const has = shapeText(array.shape);
  return `the input ${quoted(input.name)} takes the shape ${takes}, and ${quoted(array.name)} has ${has}.`;
}

function shapeText(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((size) => String(size ?? '?')).join(', ')}]`;
}

function refuseCount(
  path: string,
  array: DataArray,
  samples: number,
  others: readonly DataArray[],
): Result<never> {
  const other = others.find(({ shape }) => shape[0] === samples);
  const than = other ? `, and ${quoted(other.name)} has ${String(samples)}` : '';
  const message = `${path}: ${quoted(array.name)} has ${String(array.shape[0] ?? 0)} samples${than}.`;
  return refuse('data-samples-differ', path, message, array.name);
}

function refuseBatches(path: string, input: ValueInfo, own: number, but: string): Result<never> {
  const message = `${path}: the input ${quoted(input.name)} takes ${String(own)} samples at once, and ${but}.`;
  return refuse('data-input-shape', path, message, input.name);
}

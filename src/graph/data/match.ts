import { quoted } from '../../format/problems';
import type { DataOptions } from '../../protocol/data';
import type { Finding } from '../../protocol/finding';
import { success, type Result } from '../../protocol/result';
import type { ElementType } from '../../format/onnx/element-types';
import type { ValueInfo } from '../../format/onnx/types';
import { crossesBorder } from '../tensor-value';
import { listed, refuseName } from './arrays-in-file';
import { convertible } from './convert';
import type { DataArray, DataSet } from './data-set';
import { defaultFor, type DefaultFeed } from './default-feeds';
import type { DataMatch, InputMatch } from './data-match';
import { matchLabels, type LabelMatch } from './match-labels';
import { bindSizes, countSamples, inputSizes, type Sized } from './match-shapes';
import { dataFinding, refuse } from './problems';

/** The input whose sizes those have that the transformers library fills itself. */
const TOKENS = 'input_ids';

/**
 * Matches arrays to the inputs of a graph: by what the user says, by name, by name without case and punctuation, and
 * where one input and one array that fits it are left, by elimination. Fails with `data-input-unmatched`,
 * `data-input-shape`, `data-input-type`, `data-samples-differ`, `data-labels`, `data-array-missing`, `data-array-type`
 * or `data-empty`.
 */
export function matchData(
  data: DataSet,
  inputs: readonly ValueInfo[],
  options: DataOptions = {},
): Result<DataMatch> {
  const findings: Finding[] = [];
  const labelled = matchLabels(data, options);
  if (!labelled.ok) return labelled;
  const labels = labelled.value;
  const gone = options.constant?.find((name) => !data.arrays.some((array) => array.name === name));
  if (gone !== undefined) return refuseArray(data, gone);
  const named = nameArrays(data, inputs, options, labels, findings);
  if (!named.ok) return named;
  const tokenised = inputs.some((input) => input.name === TOKENS && named.value.has(input));
  const lacking = inputs.find(
    (input) => !named.value.has(input) && (!tokenised || defaultFor(input) === null),
  );
  if (lacking !== undefined) return refuseUnmatched(data, lacking, inputs);
  const pairs: Sized[] = [];
  for (const [input, array] of named.value) {
    const type = feedType(data, input, array);
    if (!type.ok) return type;
    pairs.push({ input, array, type: type.value });
  }
  const counted = countSamples(data, pairs, labels, options);
  if (!counted.ok) return counted;
  const sizes = bindSizes(data, counted.value.placed, counted.value.samples);
  if (!sizes.ok) return sizes;
  const matches: InputMatch[] = [];
  const tokens = counted.value.placed.find(({ input }) => input.name === TOKENS);
  for (const input of inputs) {
    const found = counted.value.placed.find((match) => match.input === input);
    const value = found ? null : defaultFor(input);
    if (found) matches.push(found);
    else if (value !== null && tokens) matches.push(defaultMatch(data, input, value, tokens, findings));
  }
  const used = new Set([...named.value.values(), labels?.array, labels?.mask].map((array) => array?.name));
  return success({
    data,
    samples: counted.value.samples,
    inputs: matches,
    labels,
    ...sizes.value,
    round: options.round === true,
    unused: data.arrays.map(({ name }) => name).filter((name) => !used.has(name)),
    findings,
  });
}

/** Arrays by input. Inputs that have none are left out. */
function nameArrays(
  data: DataSet,
  inputs: readonly ValueInfo[],
  options: DataOptions,
  labels: LabelMatch | null,
  findings: Finding[],
): Result<ReadonlyMap<ValueInfo, DataArray>> {
  const found = new Map<ValueInfo, DataArray>();
  const said = options.inputs ?? {};
  const strange = Object.keys(said).find((name) => !inputs.some((input) => input.name === name));
  if (strange !== undefined) {
    const there = listed(inputs.map(({ name }) => name));
    const message = `${data.path}: the graph has no input ${quoted(strange)}; it has ${there}.`;
    return refuse('data-input-unmatched', data.path, message, strange);
  }
  for (const input of inputs) {
    const name = Object.hasOwn(said, input.name) ? said[input.name] : undefined;
    const array = name === undefined ? byName(data, input.name) : exact(data.arrays, name);
    if (array !== undefined) found.set(input, array);
    else if (name !== undefined || data.unreadable.some((each) => each.name === input.name)) {
      return refuseArray(data, name ?? input.name);
    }
  }
  const open = inputs.filter((input) => !found.has(input) && defaultFor(input) === null);
  const taken = new Set<DataArray | null | undefined>([...found.values(), labels?.array, labels?.mask]);
  const free = data.arrays.filter((array) => !taken.has(array));
  const [input, array] = [open[0], free[0]];
  if (open.length === 1 && free.length === 1 && input && array && fits(input, array)) {
    found.set(input, array);
    const message = `${data.path}: ${quoted(array.name)} feeds the input ${quoted(input.name)}, since nothing else is left for it.`;
    findings.push(dataFinding('data-input-guessed', data.path, message, input.name));
  }
  return success(found);
}

function refuseArray({ path, arrays, unreadable }: DataSet, name: string): Result<never> {
  return refuseName(
    path,
    name,
    arrays.map((array) => array.name),
    unreadable,
  );
}

function exact(arrays: readonly DataArray[], name: string): DataArray | undefined {
  return arrays.find((array) => array.name === name);
}

function byName({ arrays }: DataSet, name: string): DataArray | undefined {
  const same = exact(arrays, name);
  if (same !== undefined) return same;
  const alike = arrays.filter((array) => plain(array.name) === plain(name));
  return alike.length === 1 ? alike[0] : undefined;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function fits(input: ValueInfo, array: DataArray): boolean {
  const sizes = inputSizes(input, array);
  return sizes.ok && (input.type === null || convertible(array.type, input.type));
}

function feedType(data: DataSet, input: ValueInfo, array: DataArray): Result<ElementType> {
  const { path } = data;
  const type = input.type ?? array.type;
  if (crossesBorder(type) && convertible(array.type, type)) return success(type);
  const message = `${path}: the input ${quoted(input.name)} takes ${type}, and ${quoted(array.name)} holds ${array.type}.`;
  return refuse('data-input-type', path, message, input.name);
}

function defaultMatch(
  data: DataSet,
  input: ValueInfo,
  value: DefaultFeed,
  like: InputMatch,
  findings: Finding[],
): InputMatch {
  const message = `${data.path} has no ${quoted(input.name)}; the graph is fed with ${value} for it.`;
  findings.push(dataFinding('data-input-default', data.path, message, input.name));
  const feed = { kind: 'default', value, like: like.input.name } as const;
  return { input, type: input.type ?? 'int64', batchAxis: 0, feed };
}

function refuseUnmatched(data: DataSet, input: ValueInfo, inputs: readonly ValueInfo[]): Result<never> {
  const arrays = data.arrays.map(({ name }) => name);
  const unreadable = data.unreadable.map(({ name, reason }) => `${quoted(name)} (${reason})`).slice(0, 3);
  const readable = arrays.length === 0 ? 'no array that can be read' : listed(arrays);
  const has = unreadable.length === 0 ? readable : `${readable}; not readable: ${unreadable.join(', ')}`;
  const takes = listed(inputs.map(({ name }) => name));
  const message = `${data.path}: nothing is named like the input ${quoted(input.name)}. The data have ${has}; the graph takes ${takes}.`;
  return refuse('data-input-unmatched', data.path, message, input.name);
}

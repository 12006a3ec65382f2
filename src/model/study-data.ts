import { basename } from 'node:path';
import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import type { DataOptions } from '../protocol/data';
import { success, type Result } from '../protocol/result';
import type { DataSpec, FisherSpec } from '../protocol/study';
import { isEmpty, textOf } from './yaml-values';

/** What reading a part of a study needs of the whole: where paths begin, and how a place is named. */
export interface StudyPart {
  absolute(path: string): string;
  /** `what` is a clause without its full stop. */
  refuse(node: unknown, what: string): Result<never>;
}

type Kind = 'text' | 'path' | 'texts' | 'map' | 'switch' | 'number';

/** Keys of a data set besides its path, and what stands behind them. */
const OPTIONS: Readonly<Record<keyof DataOptions, Kind>> = {
  inputs: 'map',
  labels: 'text',
  mask: 'text',
  constant: 'texts',
  round: 'switch',
  shift: 'switch',
  pad: 'number',
  text: 'text',
  pair: 'text',
  tokenizer: 'path',
  preprocessor: 'path',
  length: 'number',
};

const WORDS: Readonly<Record<Kind, string>> = {
  text: 'a text',
  path: 'a path',
  texts: 'a text or a list of texts',
  map: 'a map from inputs of the graph to arrays',
  switch: 'true or false',
  number: 'a number',
};

/** What a data set is called whose file says nothing else: the file's name without its ending. */
export function dataName(path: string): string {
  return basename(path).replace(/\.[^.]+$/, '');
}

/**
 * The data sets of a study: one path; or a map from names to paths, or to maps with `path` and options. Fails with
 * `study-invalid`.
 */
export function readDataSets(node: unknown, part: StudyPart): Result<readonly DataSpec[]> {
  if (isEmpty(node)) return success([]);
  const sole = textOf(node);
  if (sole !== null) return success([{ name: dataName(sole), path: part.absolute(sole) }]);
  if (!isMap(node)) return part.refuse(node, '"data" must be a path, or a map from names to paths');
  const found: DataSpec[] = [];
  for (const { key, value } of node.items) {
    const name = textOf(key);
    const path = textOf(isMap(value) ? value.get('path', true) : value);
    if (name === null || path === null) {
      return part.refuse(key, `the path of the data set "${name ?? '?'}" must be a text`);
    }
    const options = isMap(value) ? readOptions(value, part) : success<DataOptions>({});
    if (!options.ok) return options;
    const said = Object.keys(options.value).length > 0;
    found.push({ name, path: part.absolute(path), ...(said ? { options: options.value } : {}) });
  }
  return success(found);
}

/** The files of Fisher information of a study: one path, or a map from names to paths. Fails with `study-invalid`. */
export function readFisherFiles(node: unknown, part: StudyPart): Result<readonly FisherSpec[]> {
  if (isEmpty(node)) return success([]);
  const sole = textOf(node);
  if (sole !== null) return success([{ name: dataName(sole), path: part.absolute(sole) }]);
  if (!isMap(node)) return part.refuse(node, '"fisher" must be a path, or a map from names to paths');
  const found: FisherSpec[] = [];
  for (const { key, value } of node.items) {
    const [name, path] = [textOf(key), textOf(value)];
    if (name === null || path === null) {
      return part.refuse(key, `the path of the Fisher file "${name ?? '?'}" must be a text`);
    }
    found.push({ name, path: part.absolute(path) });
  }
  return success(found);
}

/** A data set as it is written into a study, `pathText` writing its paths: its path, or where it has options a map with them. */
export function dataEntry({ path, options }: DataSpec, pathText: (path: string) => string): unknown {
  if (options === undefined) return pathText(path);
  const { tokenizer, preprocessor, ...rest } = options;
  return {
    path: pathText(path),
    ...rest,
    ...(tokenizer === undefined ? {} : { tokenizer: pathText(tokenizer) }),
    ...(preprocessor === undefined ? {} : { preprocessor: pathText(preprocessor) }),
  };
}

function readOptions(map: YAMLMap, part: StudyPart): Result<DataOptions> {
  const options: Record<string, unknown> = {};
  for (const { key, value } of map.items) {
    const name = textOf(key) ?? '?';
    if (name === 'path' || isEmpty(value)) continue;
    if (!isOption(name)) {
      const known = ['path', ...Object.keys(OPTIONS)].join(', ');
      return part.refuse(key, `unknown key "${name}"; a data set has ${known}`);
    }
    const read = VALUES[OPTIONS[name]](value);
    if (read === null) return part.refuse(value, `"${name}" must be ${WORDS[OPTIONS[name]]}`);
    options[name] = OPTIONS[name] === 'path' && typeof read === 'string' ? part.absolute(read) : read;
  }
  return success(options);
}

function isOption(name: string): name is keyof DataOptions {
  return Object.hasOwn(OPTIONS, name);
}

const VALUES: Readonly<Record<Kind, (node: unknown) => unknown>> = {
  text: textOf,
  path: textOf,
  texts: (node) => (isSeq(node) ? allTexts(node.items) : allTexts([node])),
  map: (node) => {
    if (!isMap(node)) return null;
    const texts = allTexts(node.items.flatMap(({ key, value }) => [key, value]));
    if (texts === null) return null;
    return Object.fromEntries(
      node.items.map((_, i): [string, string] => [texts[2 * i] ?? '', texts[2 * i + 1] ?? '']),
    );
  },
  switch: (node) => (isScalar(node) && typeof node.value === 'boolean' ? node.value : null),
  number: (node) => (isScalar(node) && typeof node.value === 'number' ? node.value : null),
};

function allTexts(nodes: readonly unknown[]): readonly string[] | null {
  const texts = nodes.flatMap((node) => textOf(node) ?? []);
  return texts.length === nodes.length ? texts : null;
}

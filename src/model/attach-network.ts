import { dirname, relative, sep } from 'node:path';
import { isCollection, isMap, isScalar, parseDocument, stringify, type Document, type YAMLMap } from 'yaml';
import type { Attachment } from '../protocol/attachment';
import { success, type Result } from '../protocol/result';
import { parseStudy } from './study-file';
import { dataName } from './study-data';
import { isEmpty, textOf } from './yaml-values';

/**
 * The text of a study with a graph and data sets written into it, their paths relative to the file at `path`. All other
 * lines stay as they are; a data set of the same name gets the new path and keeps its options. Fails as {@link parseStudy}
 * does where the text is no study before.
 */
export function attachToStudy(
  text: string,
  path: string,
  { graph, data }: Attachment,
): Result<{ readonly text: string }> {
  const before = parseStudy(text, path);
  if (!before.ok) return before;
  const pathText = (target: string) => relative(dirname(path), target).split(sep).join('/') || '.';
  const paths = {
    ...(graph === undefined ? {} : { graph: pathText(graph) }),
    data: data.map((set) => ({ name: set.name, path: pathText(set.path) })),
  };
  const spliced = splice(text, paths);
  const after = spliced === null ? null : parseStudy(spliced, path);
  const said = after?.ok === true && data.every((set) => hasData(after.value.data, set));
  if (spliced !== null && said && (graph === undefined || after.value.graph === graph)) {
    return success({ text: spliced });
  }
  return success({ text: rewritten(text, paths) });
}

interface RelativePaths {
  readonly graph?: string;
  readonly data: readonly { readonly name: string; readonly path: string }[];
}

function hasData(sets: Attachment['data'] | undefined, wanted: Attachment['data'][number]): boolean {
  return sets?.some(({ name, path }) => name === wanted.name && path === wanted.path) ?? false;
}

/** A change of a text: `[start, end)` becomes `text`. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Changes just the places that need it; `null` where the YAML is written in a way in which they cannot be told. */
function splice(text: string, { graph, data }: RelativePaths): string | null {
  const document = parseDocument(text);
  const root = document.contents;
  if (!isMap(root) || root.flow === true) return null;
  const writer = new StudyWriter(text, root);
  if (graph !== undefined) writer.setPath('graph', graph);
  if (data.length > 0) writer.setData(data);
  return writer.done();
}

class StudyWriter {
  private readonly splices: Splice[] = [];
  private readonly appended: string[] = [];
  private readonly newline: string;

  constructor(
    private readonly text: string,
    private readonly root: YAMLMap,
  ) {
    this.newline = text.includes('\r\n') ? '\r\n' : '\n';
  }

  setPath(key: string, path: string): void {
    const pair = this.root.items.find((item) => textOf(item.key) === key);
    if (pair === undefined) this.appended.push(`${key}: ${scalar(path)}`);
    else if (isEmpty(pair.value)) this.afterColon(pair.key, ` ${scalar(path)}`);
    else this.replace(pair.value, scalar(path));
  }

  setData(sets: RelativePaths['data']): void {
    const pair = this.root.items.find((item) => textOf(item.key) === 'data');
    const lines = (indent: string) =>
      sets.map(({ name, path }) => `${indent}${scalar(name)}: ${scalar(path)}`);
    if (pair === undefined) {
      this.appended.push('data:', ...lines('  '));
    } else if (isEmpty(pair.value)) {
      this.insertLines(endOf(pair.key), lines('  '));
    } else if (isMap(pair.value)) {
      this.addToMap(pair.value, sets);
    } else {
      const sole = textOf(pair.value) ?? '';
      const others = sets.filter(({ name }) => name !== dataName(sole));
      const same = sets.find(({ name }) => name === dataName(sole));
      const entry = `${scalar(dataName(sole))}: ${scalar(same?.path ?? sole)}`;
      const start = this.text.indexOf(':', endOf(pair.key)) + 1;
      this.splices.push({ start, end: endOf(pair.value), text: `${this.newline}  ${entry}` });
      this.insertLines(
        endOf(pair.value),
        others.map(({ name, path }) => `  ${scalar(name)}: ${scalar(path)}`),
      );
    }
  }

  /** The text with all changes; those further down first, so that places stay right. */
  done(): string {
    const { newline } = this;
    const changed = this.splices
      .toSorted((a, b) => b.start - a.start)
      .reduce((text, { start, end, text: put }) => text.slice(0, start) + put + text.slice(end), this.text);
    if (this.appended.length === 0) return changed;
    const ended = changed === '' || changed.endsWith('\n') ? changed : changed + newline;
    return ended + this.appended.join(newline) + newline;
  }

  private addToMap(map: YAMLMap, sets: RelativePaths['data']): void {
    const added: string[] = [];
    for (const { name, path } of sets) {
      const item = map.items.find(({ key }) => textOf(key) === name);
      if (item === undefined) added.push(`${scalar(name)}: ${scalar(path)}`);
      else this.replace(isMap(item.value) ? item.value.get('path', true) : item.value, scalar(path));
    }
    const [first] = map.items;
    if (added.length === 0) return;
    if (map.flow === true || first === undefined) {
      const end = (map.range?.[1] ?? 0) - 1;
      const start = map.items.length > 0 ? endOf(map.items.at(-1)?.value) : end;
      const text = (map.items.length > 0 ? ', ' : ' ') + added.join(', ') + (map.items.length > 0 ? '' : ' ');
      this.splices.push({ start, end: start, text });
      return;
    }
    const at = startOf(first.key);
    const indent = ' '.repeat(at - (this.text.lastIndexOf('\n', at - 1) + 1));
    const last = map.items.at(-1);
    this.insertLines(
      Math.max(endOf(last?.key), endOf(last?.value)),
      added.map((line) => indent + line),
    );
  }

  private replace(node: unknown, text: string): void {
    this.splices.push({ start: startOf(node), end: endOf(node), text });
  }

  private afterColon(key: unknown, text: string): void {
    const at = this.text.indexOf(':', endOf(key)) + 1;
    this.splices.push({ start: at, end: at, text });
  }

  /** Puts lines behind the one that holds `at`, its comment included. */
  private insertLines(at: number, lines: readonly string[]): void {
    const end = /\r?\n|$/.exec(this.text.slice(at));
    const start = at + (end?.index ?? 0);
    this.splices.push({ start, end: start, text: lines.map((line) => this.newline + line).join('') });
  }
}

function startOf(node: unknown): number {
  return isScalar(node) || isCollection(node) ? (node.range?.[0] ?? 0) : 0;
}

/** Where the last thing that is written in a node ends; a block's own end counts the empty lines below it. */
function endOf(node: unknown): number {
  if (isMap(node) && node.flow !== true) {
    return Math.max(0, ...node.items.flatMap(({ key, value }) => [endOf(key), endOf(value)]));
  }
  if (isCollection(node) && node.flow !== true) return Math.max(0, ...node.items.map(endOf));
  return isScalar(node) || isCollection(node) ? (node.range?.[1] ?? 0) : 0;
}

/** A text as YAML writes it, quoted where it has to be. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}

/** The study written anew, comments and order kept: for what {@link splice} does not understand. */
function rewritten(text: string, { graph, data }: RelativePaths): string {
  const document: Document = parseDocument(text);
  if (graph !== undefined) document.set('graph', graph);
  const known: unknown = document.get('data');
  if (data.length > 0 && !isMap(known)) {
    const sole = typeof known === 'string' ? { [dataName(known)]: known } : {};
    document.set('data', document.createNode(sole));
  }
  for (const { name, path } of data) {
    const options = isMap(document.getIn(['data', name], true));
    document.setIn(options ? ['data', name, 'path'] : ['data', name], path);
  }
  return document.toString({ lineWidth: 0 });
}

import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { formatOf, openData } from '../graph/data/registry';
import { readModel } from '../format/onnx/read-model';
import { inputsOf } from '../graph/study-samples';
import type { CompletionEntry } from '../protocol/completion';
import { blockBelow, studyCursor, topValue, type StudyCursor } from './study-cursor';
import { DATA_KEYS, STUDY_KEYS } from './study-keys';

type Entry = Omit<CompletionEntry, 'start'>;

/** Most entries of a folder that are offered. */
const MOST = 500;
const WEIGHTS = /\.safetensors(\.index\.json)?$/i;

/** What may stand behind each key with a path, by the names of files; folders always may. */
const FILES: Readonly<Record<string, (name: string) => boolean>> = {
  base: (name) => WEIGHTS.test(name),
  tasks: (name) => WEIGHTS.test(name),
  run: () => false,
  graph: (name) => /\.onnx$/i.test(name),
  data: (name) => formatOf(name) !== null,
  fisher: (name) => /\.(safetensors|npz|pt|pth|bin)$/i.test(name),
  tokenizer: (name) => name.endsWith('.json'),
  preprocessor: (name) => name.endsWith('.json'),
};
/** Keys of a data set that name arrays of it. */
const ARRAYS: ReadonlySet<string> = new Set(['labels', 'mask', 'constant', 'text', 'pair']);
const SWITCHES: ReadonlySet<string> = new Set(['round', 'shift']);

/**
 * What may be written at a place of a study: keys, names of tasks, inputs of the graph and arrays of the data, paths. Lines
 * and columns count from 0.
 */
export async function completeStudy(
  path: string,
  text: string,
  line: number,
  character: number,
): Promise<readonly CompletionEntry[]> {
  const lines = text.split(/\r\n|[\r\n]/);
  const cursor = studyCursor(lines, line, character);
  if (cursor === null) return [];
  const study = { folder: dirname(path), lines };
  const entries = await (cursor.key === null ? keysAt(cursor, study) : valuesAt(cursor, cursor.key, study));
  return entries.map((entry) => ({
    ...entry,
    start: entry.kind === 'key' || entry.kind === 'name' ? cursor.start : segmentStart(cursor),
  }));
}

interface StudyText {
  readonly folder: string;
  readonly lines: readonly string[];
}

async function keysAt({ parents, siblings }: StudyCursor, study: StudyText): Promise<readonly Entry[]> {
  const [top, set, option] = parents;
  if (top === undefined) return unused(keyEntries(STUDY_KEYS), siblings);
  if (top === 'tasks' && set === undefined) return unused(await modelsBesideBase(study), siblings);
  if (top !== 'data' && top !== 'fisher') return [];
  if (set === undefined) {
    const names = [...blockBelow(study.lines, 'tasks').keys()];
    return unused(
      names.map((name) => nameEntry(name, `${top} of this task`)),
      siblings,
    );
  }
  if (top === 'fisher') return [];
  if (option === undefined) return unused(keyEntries(DATA_KEYS), siblings);
  return option === 'inputs' ? unused(await graphInputs(study), siblings) : [];
}

async function valuesAt(
  { parents, typed }: StudyCursor,
  key: string,
  study: StudyText,
): Promise<readonly Entry[]> {
  const [top, set, option] = parents;
  if (top === undefined) return pathsFrom(study.folder, typed, FILES[key]);
  if (top === 'tasks') return pathsFrom(study.folder, typed, key === 'name' ? undefined : FILES['tasks']);
  if (top === 'fisher') return pathsFrom(study.folder, typed, FILES['fisher']);
  if (top !== 'data') return [];
  if (set === undefined || key === 'path') return pathsFrom(study.folder, typed, FILES['data']);
  if (ARRAYS.has(key) || option === 'inputs') return arraysOf(set, study);
  if (SWITCHES.has(key)) return ['true', 'false'].map((word) => ({ label: word, text: word, kind: 'name' }));
  return pathsFrom(study.folder, typed, FILES[key]);
}

function keyEntries(keys: Readonly<Record<string, string>>): readonly Entry[] {
  return Object.entries(keys).map(([key, detail]) => ({ label: key, text: `${key}: `, kind: 'key', detail }));
}

function nameEntry(name: string, detail: string): Entry {
  return { label: name, text: `${quotedName(name)}: `, kind: 'name', detail };
}

function unused(entries: readonly Entry[], siblings: ReadonlySet<string>): readonly Entry[] {
  return entries.filter(({ label }) => !siblings.has(label));
}

/** Folders with weights that lie beside that of the base: most likely its fine-tunes. */
async function modelsBesideBase({ folder, lines }: StudyText): Promise<readonly Entry[]> {
  const base = topValue(lines, 'base');
  if (base === '') return [];
  const own = WEIGHTS.test(base) ? dirname(base) : base;
  const beside = await listed(resolve(folder, own, '..'));
  const found: Entry[] = [];
  for (const { name, isFolder } of beside) {
    const path = join(own, '..', name).replaceAll('\\', '/');
    if (!isFolder || resolve(folder, path) === resolve(folder, own)) continue;
    const files = await listed(resolve(folder, path));
    if (!files.some((file) => WEIGHTS.test(file.name))) continue;
    found.push({ label: name, text: `${quotedName(name)}: ${quotedName(path)}`, kind: 'name', detail: path });
  }
  return found;
}

async function graphInputs({ folder, lines }: StudyText): Promise<readonly Entry[]> {
  const model = await readModel(resolve(folder, topValue(lines, 'graph')));
  if (!model.ok) return [];
  return inputsOf(model.value).map(({ name, type }) => nameEntry(name, `input of the graph · ${type}`));
}

async function arraysOf(set: string, { folder, lines }: StudyText): Promise<readonly Entry[]> {
  const path = blockBelow(lines, 'data').get(set) ?? '';
  if (path === '') return [];
  const graph = topValue(lines, 'graph');
  const data = await openData(resolve(folder, path), {}, [resolve(folder, dirname(graph))]);
  if (!data.ok) return [];
  return data.value.arrays.map(({ name, type, shape }) => ({
    label: name,
    text: quotedName(name),
    kind: 'name',
    detail: `${type} [${shape.map((size) => size ?? '?').join(', ')}]`,
  }));
}

/** Entries of the folder that is typed so far; folders end in `/`, so that one can go on. */
async function pathsFrom(
  folder: string,
  typed: string,
  fits: ((name: string) => boolean) | undefined,
): Promise<readonly Entry[]> {
  if (fits === undefined) return [];
  const entries = await listed(resolve(folder, typed.slice(0, typed.lastIndexOf('/') + 1)));
  return entries
    .filter(({ name, isFolder }) => !name.startsWith('.') && (isFolder || fits(name)))
    .map(({ name, isFolder }) =>
      isFolder
        ? { label: `${name}/`, text: `${name}/`, kind: 'folder' }
        : { label: name, text: name, kind: 'file' },
    );
}

/** Where the name begins that a path ends in. */
function segmentStart({ typed, start }: StudyCursor): number {
  return start + typed.lastIndexOf('/') + 1;
}

async function listed(folder: string): Promise<readonly { name: string; isFolder: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .slice(0, MOST)
    .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A name as a YAML key or value. */
function quotedName(name: string): string {
  return /^[A-Za-z_./][\w./ +-]*$/.test(name) && !/^(true|false|null|yes|no)$/i.test(name)
    ? name
    : JSON.stringify(name);
}

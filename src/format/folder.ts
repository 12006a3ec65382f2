import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { problemFromError, success, type Result } from '../protocol/result';
import { stepInName } from '../protocol/step-name';
import { headFindings } from './adapter-head';
import type { Checkpoint, Format } from './checkpoint';
import { flax } from './flax';
import { hdf5 } from './hdf5';
import { kerasArchive } from './keras';
import { formatFinding, quoted, refuse } from './problems';
import { readStart } from './read';
import { safetensors } from './safetensors';
import { INDEX_ENDING, safetensorsSharded } from './safetensors-sharded';
import { tensorflow, TENSORFLOW_INDEX } from './tensorflow';
import { openTorchFile } from './torch-file';
import { TORCH_INDEX_ENDING, torchSharded } from './torch-sharded';

/** What the libraries write, the most usual first. */
const INDEX_NAMES = ['model', 'diffusion_pytorch_model'].map((stem) => stem + INDEX_ENDING);
const WHOLE_NAMES = ['model.safetensors', 'diffusion_pytorch_model.safetensors'];
/** PEFT, mlx-lm, AdapterHub. */
const ADAPTER_NAMES = ['adapter_model.safetensors', 'adapters.safetensors', 'adapter.safetensors'];
/** What the same libraries wrote before, as files of torch; looked for where there is no safetensors file. */
const TORCH_INDEX_NAMES = ['pytorch_model', 'diffusion_pytorch_model'].map(
  (stem) => stem + TORCH_INDEX_ENDING,
);
const TORCH_WHOLE_NAMES = ['pytorch_model.bin', 'diffusion_pytorch_model.bin', 'consolidated.00.pth'];
const TORCH_ADAPTER_NAMES = ['adapter_model.bin', 'pytorch_adapter.bin'];
const ADAPTER_CONFIG = 'adapter_config.json';

/** What other frameworks write, looked for where there is nothing of the above; of these endings the only file, too. */
const OTHER_WHOLE_NAMES = ['flax_model.msgpack', 'tf_model.h5', 'model.weights.h5'];
const OTHER_FORMATS: readonly (readonly [ending: string, format: Pick<Format, 'open'>])[] = [
  ['.msgpack', flax],
  ['.keras', kerasArchive],
  ['.h5', hdf5],
  ['.hdf5', hdf5],
  [TENSORFLOW_INDEX, tensorflow],
];

/** What a folder of a SavedModel of TensorFlow has; its weights are a checkpoint in the second. */
const SAVED_MODEL = ['saved_model.pb', 'variables/'];

/** So many names of a folder are listed in a message. */
const MOST_NAMES = 12;

/** `model-00001-of-00003.safetensors` */
const SHARD_NAME = /-\d{5}-of-\d{5}\.safetensors$/;

/** What a folder opens as. */
export type FolderChoice =
  | { readonly kind: 'index' | 'whole' | 'adapter'; readonly name: string }
  | { readonly kind: 'ambiguous' | 'none' | 'adapter-without-weights' };

/**
 * Chooses what a folder opens as, from the names in it: an adapter (`adapter_model.safetensors`), else the
 * index of a sharded model, else `model.safetensors` or `diffusion_pytorch_model.safetensors`, else the only
 * index, else the only `*.safetensors`, else what the same libraries wrote as files of torch (`pytorch_model.bin`,
 * `adapter_model.bin`). An adapter beside a model under one of these names is ambiguous:
 * never guess which of them is meant.
 */
export function chooseInFolder(names: readonly string[]): FolderChoice {
  const here = new Set(names);
  const indexes = names.filter((name) => name.endsWith(INDEX_ENDING));
  const files = names.filter((name) => name.endsWith('.safetensors'));
  const index = INDEX_NAMES.find((name) => here.has(name)) ?? only(indexes);
  const whole = WHOLE_NAMES.find((name) => here.has(name));
  const adapter = ADAPTER_NAMES.find((name) => here.has(name));
  if (adapter !== undefined) {
    return index === undefined && whole === undefined
      ? { kind: 'adapter', name: adapter }
      : { kind: 'ambiguous' };
  }
  if (index !== undefined) return { kind: 'index', name: index };
  if (whole !== undefined) return { kind: 'whole', name: whole };
  if (indexes.length > 1) return { kind: 'ambiguous' };
  const file = only(files);
  if (file !== undefined) return { kind: here.has(ADAPTER_CONFIG) ? 'adapter' : 'whole', name: file };
  if (files.length > 1) return { kind: 'ambiguous' };
  const torchAdapter = TORCH_ADAPTER_NAMES.find((name) => here.has(name));
  const torchWhole = [...TORCH_INDEX_NAMES, ...TORCH_WHOLE_NAMES].find((name) => here.has(name));
  if (torchAdapter !== undefined) {
    return torchWhole === undefined ? { kind: 'adapter', name: torchAdapter } : { kind: 'ambiguous' };
  }
  if (torchWhole !== undefined)
    return { kind: torchWhole.endsWith(TORCH_INDEX_ENDING) ? 'index' : 'whole', name: torchWhole };
  if (here.has(ADAPTER_CONFIG)) return { kind: 'adapter-without-weights' };
  return chooseOther(names);
}

function chooseOther(names: readonly string[]): FolderChoice {
  const known = OTHER_WHOLE_NAMES.find((name) => names.includes(name));
  if (known !== undefined) return { kind: 'whole', name: known };
  const found = names.filter(isOther);
  const [first] = found;
  if (first === undefined) return { kind: 'none' };
  return found.length === 1 ? { kind: 'whole', name: first } : { kind: 'ambiguous' };
}

/** Plenty of programs have files with the ending of TensorFlow's index: only with its data beside it. */
function isOther(name: string, _at: number, names: readonly string[]): boolean {
  if (!name.endsWith(TENSORFLOW_INDEX)) return OTHER_FORMATS.some(([ending]) => name.endsWith(ending));
  const stem = name.slice(0, -TENSORFLOW_INDEX.length);
  return names.some((other) => other.startsWith(`${stem}.data-00000-of-`));
}

/**
 * What a folder holds beside an adapter, from the names in it: the file of a whole model or the index of a sharded one.
 * `null` where there is no model, or more than one.
 */
export function modelInFolder(names: readonly string[]): string | null {
  const choice = chooseInFolder(
    names.filter((name) => !ADAPTER_NAMES.includes(name) && name !== ADAPTER_CONFIG),
  );
  return choice.kind === 'index' || choice.kind === 'whole' ? choice.name : null;
}

function only(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}

async function openFolder(path: string): Promise<Result<Checkpoint>> {
  const listed = await listFolder(path);
  if (!listed.ok) return listed;
  const names = listed.value;
  if (SAVED_MODEL.every((name) => names.includes(name))) {
    const variables = await openAs(paths.join(path, 'variables'), tensorflow, `variables${TENSORFLOW_INDEX}`);
    return variables.ok ? success({ ...variables.value, path }) : variables;
  }
  const choice = chooseInFolder(names);
  switch (choice.kind) {
    case 'index':
      return openIndexIn(path, choice.name, names);
    case 'whole':
      return openAs(path, formatOf(choice.name), choice.name);
    case 'adapter':
      return withHead(path, names, await openAs(path, formatOf(choice.name), choice.name));
    case 'adapter-without-weights':
      return refuse(
        'adapter-weights-missing',
        path,
        `${path} has an adapter_config.json but no safetensors file beside it: ${listing(names)}.`,
        ADAPTER_CONFIG,
      );
    case 'ambiguous':
      return refuse('folder-ambiguous', path, ambiguity(path, names));
    case 'none':
      return nothingIn(path, names);
  }
}

/** Says of a prediction head that lies beside an adapter. */
async function withHead(
  folder: string,
  names: readonly string[],
  opened: Result<Checkpoint>,
): Promise<Result<Checkpoint>> {
  if (!opened.ok) return opened;
  const heads = await headFindings(folder, names);
  return success({ ...opened.value, findings: [...opened.value.findings, ...heads] });
}

async function openIndexIn(
  path: string,
  name: string,
  names: readonly string[],
): Promise<Result<Checkpoint>> {
  if (name.endsWith(TORCH_INDEX_ENDING)) return openAs(path, torchSharded, name);
  const opened = await openAs(path, safetensorsSharded, name);
  const whole = WHOLE_NAMES.find((other) => names.includes(other));
  if (!opened.ok || whole === undefined) return opened;
  const isShard = opened.value.files.some((file) => paths.basename(file.path) === whole);
  if (isShard) return opened;
  const message = `${path} holds ${name} and ${whole}, which is none of its shards.`;
  const finding: Finding = formatFinding('folder-index-and-file', path, message, whole);
  return success({ ...opened.value, findings: [...opened.value.findings, finding] });
}

/** Files of torch are of one of several containers, which only their content tells. */
function formatOf(name: string): Pick<Format, 'open'> {
  if (name.endsWith('.safetensors')) return safetensors;
  const other = OTHER_FORMATS.find(([ending]) => name.endsWith(ending));
  if (other !== undefined) return other[1];
  return name.endsWith(TORCH_INDEX_ENDING) ? torchSharded : { open: openTorchFile };
}

async function openAs(path: string, format: Pick<Format, 'open'>, name: string): Promise<Result<Checkpoint>> {
  const opened = await format.open(paths.join(path, name));
  return opened.ok ? success({ ...opened.value, path }) : opened;
}

/** Names in a folder, sorted; those of folders end with a slash. */
async function listFolder(path: string): Promise<Result<readonly string[]>> {
  try {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return success(entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort());
  } catch (error) {
    return { ok: false, problem: problemFromError(error, path) };
  }
}

function ambiguity(path: string, names: readonly string[]): string {
  const listed = names.filter((name) => name.endsWith('.safetensors') || name.endsWith(INDEX_ENDING));
  const candidates = listed.length > 0 ? listed : names.filter(isOther);
  const shards = candidates.every((name) => SHARD_NAME.test(name))
    ? ` They look like shards: their index, for example model${INDEX_ENDING}, is missing.`
    : '';
  return `${path} holds several checkpoints: ${listing(candidates)}.${shards}`;
}

/** The output folder of a trainer has a folder for each checkpoint. */
function nothingIn(path: string, names: readonly string[]): Result<never> {
  const steps = names
    .filter((name) => name.endsWith('/') && stepInName(name.slice(0, -1)) !== null)
    .map((name) => name.slice(0, -1))
    .sort((a, b) => (stepInName(a) ?? 0) - (stepInName(b) ?? 0));
  const [newest] = steps.slice(-1);
  if (newest === undefined) {
    const message = `${path} holds no checkpoint that can be opened${contents(names)}.`;
    return refuse('folder-empty', path, message);
  }
  const message = `${path} is the output of a training run, with ${listing(steps)}; the newest is ${quoted(newest)}.`;
  return refuse('folder-of-run', path, message);
}

function contents(names: readonly string[]): string {
  return names.length === 0 ? '; it is empty' : `, only ${listing(names)}`;
}

function listing(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(quoted).join(', ');
  return names.length > MOST_NAMES ? `${shown} and ${String(names.length - MOST_NAMES)} more` : shown;
}

async function isFolder(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * A folder with a model: Hugging Face transformers, diffusers, or whatever left exactly one safetensors file.
 */
export const huggingFaceFolder: Format = {
  description: {
    id: 'hugging-face-folder',
    title: 'Hugging Face folder',
    endings: [],
    supports: [
      'model.safetensors',
      `model${INDEX_ENDING}`,
      'diffusion_pytorch_model.safetensors',
      'the only *.safetensors',
      'flax_model.msgpack, tf_model.h5, the only *.keras, *.h5, *.hdf5, *.msgpack or TensorFlow index; a SavedModel of TensorFlow',
      'pytorch_model.bin or its index, diffusion_pytorch_model.bin, consolidated.00.pth',
    ],
  },
  recognises: isFolder,
  open: openFolder,
};

/** A PEFT adapter: its folder, or `adapter_config.json` itself, which opens the adapter beside it. */
export const peftAdapter: Format = {
  description: {
    id: 'peft-adapter',
    title: 'PEFT adapter',
    endings: [ADAPTER_CONFIG],
    supports: ['adapter_model.safetensors or adapter_model.bin with adapter_config.json'],
  },
  async recognises(path) {
    if (await isFolder(path)) {
      const listed = await listFolder(path);
      return listed.ok && chooseInFolder(listed.value).kind.startsWith('adapter');
    }
    const start = await readStart(path, 4096);
    if (!start.ok) return false;
    const text = Buffer.from(start.value).toString('latin1');
    return /^\s*\{/.test(text) && (text.includes('"peft_type"') || paths.basename(path) === ADAPTER_CONFIG);
  },
  async open(path) {
    if (await isFolder(path)) return openFolder(path);
    const folder = paths.dirname(path);
    const listed = await listFolder(folder);
    if (!listed.ok) return listed;
    const files = listed.value.filter((name) => name.endsWith('.safetensors'));
    const name =
      ADAPTER_NAMES.find((known) => files.includes(known)) ??
      only(files.filter(isNoModel)) ??
      TORCH_ADAPTER_NAMES.find((known) => listed.value.includes(known));
    if (name !== undefined)
      return withHead(folder, listed.value, await formatOf(name).open(paths.join(folder, name)));
    const message = `${path}: there is no adapter_model.safetensors beside it, only ${listing(listed.value)}.`;
    return refuse('adapter-weights-missing', path, message);
  },
};

function isNoModel(name: string): boolean {
  return !WHOLE_NAMES.includes(name) && !SHARD_NAME.test(name);
}

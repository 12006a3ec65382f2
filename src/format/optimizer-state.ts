import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Result } from '../protocol/result';
import { PickledSparse, PickledTensor, type Pickled } from './pickled';
import type { NamedTensor } from './state-dict';
import type { Checkpoint } from './checkpoint';

/** Names of the parameters, in the order in which the optimizer got them, as a JSON list. */
const ORDER = 'parameter_order.json';
const LARGEST_ORDER = 2 ** 24;
/** What trainers keep the model in, beside its optimizer. */
const MODELS = ['pytorch_model.bin', 'model.pt', 'model.pth', 'pytorch_model.pt', 'model.bin'];

/** One group of parameters of an optimizer. */
export interface ParameterGroup {
  readonly keys: readonly (number | string)[];
  /** `param_names`, where the optimizer was given named parameters. */
  readonly names: readonly string[];
  readonly options: ReadonlyMap<Pickled, Pickled>;
}

type OptimizerState = Map<Pickled, Pickled>;

/** Whether a pickle is the state of an optimizer: what `optimizer.state_dict()` gives. */
export function isOptimizerState(content: Pickled): content is OptimizerState {
  return (
    content instanceof Map &&
    content.get('state') instanceof Map &&
    Array.isArray(content.get('param_groups'))
  );
}

/** The groups of an optimizer's state, with the keys of their parameters in order. */
export function parameterGroups(content: OptimizerState): readonly ParameterGroup[] {
  return listOf(content.get('param_groups')).flatMap((group) => {
    if (!(group instanceof Map)) return [];
    const keys = listOf(group.get('params')).filter(
      (key) => typeof key === 'number' || typeof key === 'string',
    );
    const names = listOf(group.get('param_names')).filter((name) => typeof name === 'string');
    return [{ keys, names, options: group }];
  });
}

function listOf(value: Pickled | undefined): readonly Pickled[] {
  return Array.isArray(value) ? value : [];
}

/** `parameter_order.json` beside a file; `null` where there is none that is a list of names. */
export async function readParameterOrder(path: string): Promise<readonly string[] | null> {
  const order = paths.join(paths.dirname(path), ORDER);
  try {
    if ((await fs.stat(order)).size > LARGEST_ORDER) return null;
    const names: unknown = JSON.parse(await fs.readFile(order, 'utf8'));
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null;
  } catch {
    return null; // There is none, or it is no list of names.
  }
}

/** An optimizer's tensors by the names of their parameters, and how many parameters have none. */
export interface NamedState {
  readonly tensors: readonly NamedTensor[];
  readonly unnamed: number;
}

/**
 * The tensors of an optimizer's state as `<parameter>.exp_avg`, in the order of the parameters. Names are the groups'
 * `param_names`, keys that are names, `parameter_order.json` beside the file, or those of the model beside it: only of a
 * file of torch, whose order is that of the parameters, and only where every shape fits. Else `param 12.exp_avg`.
 */
export async function optimizerTensors(
  path: string,
  content: OptimizerState,
  open: (path: string) => Promise<Result<Checkpoint>>,
): Promise<NamedState> {
  const groups = parameterGroups(content);
  const state = content.get('state');
  const states = state instanceof Map ? state : new Map<Pickled, Pickled>();
  const keys = groups.flatMap((group) => group.keys);
  const names = await namesOf(path, groups, states, open);
  const tensors: NamedTensor[] = [];
  let unnamed = 0;
  for (const key of new Set<Pickled>([...keys, ...states.keys()])) {
    const own = states.get(key);
    if (!(own instanceof Map) || (typeof key !== 'number' && typeof key !== 'string')) continue;
    const known = names.get(key);
    if (known === undefined) unnamed++;
    for (const [part, tensor] of own) {
      if (typeof part !== 'string') continue;
      if (!(tensor instanceof PickledTensor) && !(tensor instanceof PickledSparse)) continue;
      tensors.push({ name: `${known ?? `param ${String(key)}`}.${part}`, tensor });
    }
  }
  return { tensors, unnamed };
}

type Names = ReadonlyMap<number | string, string>;

async function namesOf(
  path: string,
  groups: readonly ParameterGroup[],
  states: ReadonlyMap<Pickled, Pickled>,
  open: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Names> {
  const names = new Map<number | string, string>();
  const keys = groups.flatMap((group) => group.keys);
  for (const key of states.keys()) if (typeof key === 'string' && !/^\d+$/.test(key)) names.set(key, key);
  for (const group of groups) {
    if (group.names.length !== group.keys.length) continue;
    group.keys.forEach((key, at) => names.set(key, group.names[at] ?? ''));
  }
  if (names.size >= states.size) return names;
  const order = await readParameterOrder(path);
  if (order?.length === keys.length) return new Map(keys.map((key, at) => [key, order[at] ?? '']));
  return (await namesBeside(path, groups, states, open)) ?? names;
}

interface Parameter {
  readonly name: string;
  readonly shape: string;
}

/** The parameters of a model beside the optimizer, where they are as many as its own and all shapes fit in their order. */
async function namesBeside(
  path: string,
  groups: readonly ParameterGroup[],
  states: ReadonlyMap<Pickled, Pickled>,
  open: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Names | null> {
  const folder = paths.dirname(path);
  for (const model of MODELS) {
    const beside = paths.join(folder, model);
    if (beside === path || !(await isFile(beside))) continue;
    const opened = await open(beside);
    if (!opened.ok) continue;
    const seen = new Set<string>();
    const parameters = opened.value.tensors.flatMap(({ name, span }): Parameter[] => {
      // What is shared (a tied head) is one parameter, under its first name; running statistics are none.
      const place = `${String(span.offset)} ${String(span.bytes)}`;
      if (seen.has(place) || /running_(?:mean|var)$|num_batches_tracked$/.test(name)) return [];
      seen.add(place);
      return [{ name, shape: span.shape.join() }];
    });
    for (const order of ordersOf(parameters, groups.length)) {
      const names = fitted(groups, states, order);
      if (names !== null) return names;
    }
  }
  return null;
}

/** As the model has them; and, for two groups, those with weight decay before those without (transformers: biases and norms). */
function ordersOf(parameters: readonly Parameter[], groups: number): readonly (readonly Parameter[])[] {
  if (groups !== 2) return [parameters];
  const isPlain = ({ name }: Parameter) => /bias$|norm|(?:^|\.)ln_/i.test(name);
  return [parameters, [...parameters.filter((each) => !isPlain(each)), ...parameters.filter(isPlain)]];
}

function fitted(
  groups: readonly ParameterGroup[],
  states: ReadonlyMap<Pickled, Pickled>,
  order: readonly Parameter[],
): Names | null {
  const keys = groups.flatMap((group) => group.keys);
  if (keys.length !== order.length) return null;
  const fits = keys.every((key, at) => {
    const own = states.get(key);
    const moment = own instanceof Map ? (own.get('exp_avg') ?? own.get('momentum_buffer')) : undefined;
    return !(moment instanceof PickledTensor) || moment.shape.join() === order[at]?.shape;
  });
  return fits ? new Map(keys.map((key, at) => [key, order[at]?.name ?? ''])) : null;
}

async function isFile(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

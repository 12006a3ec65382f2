import { compareModules, compareRows, OTHER_LAYER, placeOf } from '../model/naming';
import { PairSums } from './pair-sums';
import type { TensorGram } from './task-gram';

/** A part of the network in which tasks are compared. */
export interface Scope {
  readonly kind: 'all' | 'layer' | 'module';
  /** `all`, a layer, or a module. */
  readonly name: string;
  readonly label: string;
  readonly sums: PairSums;
}

/** The whole, every layer in network order, every module as a layer computes them. */
export function scopesOf(tensors: readonly TensorGram[], tasks: number): Scope[] {
  const all: Scope = { kind: 'all', name: 'all', label: 'whole model', sums: new PairSums(tasks) };
  const layers = new Map<string, Scope>();
  const modules = new Map<string, Scope>();
  for (const { tensor, gram, has } of tensors) {
    const { layer: name, layerLabel, module } = placeOf(tensor);
    const label = name === OTHER_LAYER ? name : layerLabel;
    const layer = layers.get(name) ?? { kind: 'layer', name, label, sums: new PairSums(tasks) };
    layers.set(name, layer);
    const kind = modules.get(module) ?? {
      kind: 'module',
      name: module,
      label: module,
      sums: new PairSums(tasks),
    };
    modules.set(module, kind);
    for (const { sums } of [all, layer, kind]) sums.add(gram, has);
  }
  return [
    all,
    ...[...layers.values()].sort((a, b) => compareRows(a.name, b.name)),
    ...[...modules.values()].sort((a, b) => compareModules(a.name, b.name)),
  ];
}

/** Two tasks in one layer and kind of module. */
export interface OpposedPair {
  readonly a: number;
  readonly b: number;
  /** `layer 5 MLP`. */
  readonly place: string;
  readonly cosine: number;
}

const ROLE_NAMES: Readonly<Record<string, string>> = { mlp: 'MLP' };

/** For every two tasks the layer and kind of module in which they oppose each other most, strongest first. */
export function opposedPairs(tensors: readonly TensorGram[], tasks: number, below: number): OpposedPair[] {
  const places = new Map<string, TensorGram[]>();
  for (const each of tensors) {
    const { row, layerLabel, role } = placeOf(each.tensor);
    const key = `${row}\n${layerLabel} ${ROLE_NAMES[role] ?? role}`;
    places.set(key, [...(places.get(key) ?? []), each]);
  }
  const worst = new Map<number, OpposedPair>();
  // One place at a time: sums of every pair in every place at once would not fit for many tasks.
  for (const [key, grams] of places) {
    const sums = new PairSums(tasks);
    for (const { gram, has } of grams) sums.add(gram, has);
    for (let a = 0; a < tasks; a++) {
      for (let b = a + 1; b < tasks; b++) {
        const cosine = sums.cosine(a, b);
        const before = worst.get(a * tasks + b)?.cosine ?? below;
        if (cosine === null || cosine >= before) continue;
        worst.set(a * tasks + b, { a, b, place: key.slice(key.indexOf('\n') + 1), cosine });
      }
    }
  }
  return [...worst.values()].sort((x, y) => x.cosine - y.cosine);
}

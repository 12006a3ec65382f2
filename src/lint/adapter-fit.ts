import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { dtypeByName } from '../tensor/dtype';
import type { ModuleFactors } from './adapter-factors';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import { clipped, counted, named, shapeText } from './wording';

const KEY = 'base_model_name_or_path';

/** Names of a module's weight, plain and quantised. */
const WEIGHTS = ['.weight', '', '.qweight', '.weight_packed', '.base_layer.weight'];

/** Modules of a checkpoint: the names of its tensors without their last part. */
export function modulesOf(base: Checkpoint): readonly string[] {
  const modules = new Set<string>();
  for (const { name } of base.tensors) {
    const dot = name.lastIndexOf('.');
    if (dot > 0) modules.add(name.slice(0, dot));
  }
  return [...modules];
}

/** Checks that every module of an adapter has its weight in the base, in the shape of B·A. */
export function checkFit(
  document: JsonDocument,
  factors: ReadonlyMap<string, ModuleFactors>,
  base: Checkpoint,
  findings: FindingList,
): void {
  const changesNames = ['layer_replication', 'target_parameters'].some(
    (key) => document.value(key) !== undefined,
  );
  if (factors.size === 0 || changesNames) return;
  const tensors = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  const modules = [...factors.keys()];
  const rename = readPrefix(document, modules, tensors);
  if (rename.problem !== null) {
    findings.add('adapter-module-not-in-base', {
      range: document.placeOf(KEY),
      at: modules[0] ?? '',
      message: rename.problem,
      help: 'Rename the tensors of the adapter, or name the base that it was trained on.',
    });
  }
  const missing = modules.filter((module) => !weightOf(tensors, rename.change(module)));
  if (missing.length > 0) addMissing(document, missing, modules.length, findings);
  if (document.value('use_qalora') === true) return;
  for (const module of factors.values()) {
    const weight = weightOf(tensors, rename.change(module.module));
    if (weight) checkShape(document, module, weight, findings);
  }
}

function weightOf(tensors: ReadonlyMap<string, TensorEntry>, module: string): TensorEntry | undefined {
  for (const ending of WEIGHTS) {
    const tensor = tensors.get(module + ending);
    if (tensor) return tensor;
  }
  return undefined;
}

interface Prefix {
  change(module: string): string;
  /** Why loaders would not make this change of names; `null` where they would, or none is needed. */
  readonly problem: string | null;
}

/**
 * Base and adapter may name the same modules under different prefixes. transformers bridges one case: a base saved
 * without the prefix of its class (`h.0...`), an adapter trained with it (`transformer.h.0...`). An adapter trained on the
 * bare model has the opposite, which is right as long as it is used so. All else makes an adapter that does nothing.
 */
function readPrefix(
  document: JsonDocument,
  modules: readonly string[],
  tensors: ReadonlyMap<string, TensorEntry>,
): Prefix {
  const asIs = (module: string) => module;
  const fits = (change: Prefix['change']) => modules.every((module) => weightOf(tensors, change(module)));
  const first = modules[0] ?? '';
  if (modules.some((module) => weightOf(tensors, module))) return { change: asIs, problem: null };
  for (let dot = first.indexOf('.'); dot >= 0; dot = first.indexOf('.', dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    const change = (module: string) => (module.startsWith(prefix) ? module.slice(prefix.length) : module);
    if (!fits(change)) continue;
    const bridged =
      dot === first.indexOf('.') && ![...tensors.keys()].some((name) => name.startsWith(prefix));
    return { change, problem: bridged ? null : prefixProblem(modules, `"${clipped(prefix)}" is left out`) };
  }
  const whole = [...tensors.keys()].find((name) => name.endsWith(`.${first}.weight`));
  const prefix = whole?.slice(0, -`${first}.weight`.length) ?? '';
  const change = (module: string) => prefix + module;
  if (prefix === '' || !fits(change)) return { change: asIs, problem: null };
  const task = document.value('task_type');
  const bare = task === undefined || task === 'FEATURE_EXTRACTION';
  return {
    change,
    problem: bare ? null : prefixProblem(modules, `"${clipped(prefix)}" is put before their names`),
  };
}

function prefixProblem(modules: readonly string[], change: string): string {
  return (
    `The base has no module of the adapter under its name, but all ${modules.length} fit when ${change} ` +
    `(${named(modules, 1)}). Loaders go by names, so the adapter does nothing.`
  );
}

function addMissing(
  document: JsonDocument,
  missing: readonly string[],
  all: number,
  findings: FindingList,
): void {
  const whole = missing.length === all;
  findings.add('adapter-module-not-in-base', {
    range: document.placeOf(KEY),
    at: missing[0] ?? '',
    message: whole
      ? `The base has none of the adapter’s ${counted(all, 'module')} (${named(missing)}): the adapter does nothing.`
      : `The base lacks ${counted(missing.length, 'module')} of the adapter’s ${all} (${named(missing)}): the adapter does nothing there.`,
    help: 'Check that this is the base the adapter was trained on.',
  });
}

function checkShape(
  document: JsonDocument,
  factors: ModuleFactors,
  weight: TensorEntry,
  findings: FindingList,
): void {
  const { a, b, module } = factors;
  const { shape } = weight.span;
  // A quantised weight is packed in a shape of its own.
  if (!a || !b || shape.length < 2 || dtypeByName(weight.span.dtype)?.kind !== 'float') return;
  const outputs = b.span.shape[0];
  const inputs = a.span.shape[1];
  const straight = shape[0] === outputs && shape[1] === inputs;
  // Embeddings, and weights stored as inputs × outputs like those of GPT-2.
  const turned = shape[0] === inputs && shape[1] === outputs;
  if ((straight && !factors.embedding) || (turned && shape.length === 2)) return;
  findings.add('base-shape-mismatch', () => ({
    range: document.placeOf(KEY),
    at: module,
    message:
      `${clipped(module)}: lora_B · lora_A is ${String(outputs)} × ${String(inputs)}, ` +
      `but the base’s weight is ${shapeText(shape)}.`,
    help: 'Name the base that the adapter was trained on.',
  }));
}

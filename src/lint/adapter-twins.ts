import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { readSpan } from '../format/read';
import { readAdapterConfig, type AdapterConfig } from '../model/adapter';
import { lowRankInner } from '../tensor/low-rank';
import { deltaOf, factorBytes } from './adapter-deltas';
import { factorsOf, type ModuleFactors } from './adapter-factors';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import type { LintContext } from './rule';
import { counted, named } from './wording';

type Factors = ReadonlyMap<string, ModuleFactors>;

/** cos(ΔW₁, ΔW₂) from which two adapters are the same for all that matters. */
const NEAR = 0.99;
/** Modules whose directions are compared, spread over the depth. */
const COMPARED = 8;
const MOST_OTHERS = 100;
/** Adapters of the same shapes are compared by their values up to this number: a folder of hundreds is a matter of a lens. */
const MOST_READ = 16;
/** A first module that differs this much settles the question. */
const UNLIKE = 0.9;
const MOST_BYTES = 64 * 1024 * 1024;

/** Compares an adapter with the other ones of the workspace: the same modules in the same shapes, the same direction. */
export async function checkDuplicates(
  document: JsonDocument,
  config: AdapterConfig,
  factors: Factors,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  if (factors.size === 0 || factorBytes(factors.values()) > Math.min(MOST_BYTES, context.scanLimit)) return;
  const folder = dirname(document.path);
  const others = context.known.filter((path) => dirname(path) !== folder && path !== folder);
  let read = 0;
  for (const path of others.slice(0, MOST_OTHERS)) {
    if (context.signal.aborted || read === MOST_READ) return;
    const other = await adapterAt(path, context);
    if (other === null || !haveSameShapes(factors, other.factors)) continue;
    read++;
    const cosine = await cosineOf(factors, config, other.factors, other.config);
    if (cosine === null || cosine < NEAR) continue;
    findings.add('adapter-near-duplicate', {
      range: document.placeOf('peft_type'),
      at: path,
      message: `The adapter changes almost the same as ${basename(dirname(path))} does: the cosine of their changes is ${cosine.toFixed(4)} in ${counted(Math.min(COMPARED, factors.size), 'module')}.`,
      help: `Keep one of the two, or average them: a merge with both counts the same change twice (${path}).`,
    });
    return;
  }
}

async function adapterAt(
  path: string,
  context: LintContext,
): Promise<{ factors: Factors; config: AdapterConfig } | null> {
  const folder = /\.\w+$/.test(basename(path)) ? dirname(path) : path;
  const text = await fs.readFile(join(folder, 'adapter_config.json'), 'utf8').catch(() => null);
  const config = text === null ? null : readAdapterConfig(text, folder);
  if (!config?.ok) return null;
  const opened = await context.open(path);
  return opened.ok ? { factors: factorsOf(opened.value.tensors), config: config.value } : null;
}

function haveSameShapes(x: Factors, y: Factors): boolean {
  if (x.size !== y.size) return false;
  return [...x].every(([module, { a, b }]) => {
    const other = y.get(module);
    return a?.span.shape[1] === other?.a?.span.shape[1] && b?.span.shape[0] === other?.b?.span.shape[0];
  });
}

/** cos(ΔW₁, ΔW₂) = ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖‖ΔW₂‖) over some modules together, without forming a product. */
async function cosineOf(
  x: Factors,
  xConfig: AdapterConfig,
  y: Factors,
  yConfig: AdapterConfig,
): Promise<number | null> {
  const modules = [...x.keys()];
  const step = Math.max(1, Math.floor(modules.length / COMPARED));
  let [inner, xx, yy] = [0, 0, 0];
  for (const module of modules.filter((_, at) => at % step === 0).slice(0, COMPARED)) {
    const [own, other] = [x.get(module), y.get(module)];
    const one = own ? await deltaOf(own, xConfig) : null;
    const two = other ? await deltaOf(other, yConfig) : null;
    if (one === null || two === null) return null;
    inner += lowRankInner(one, two);
    xx += lowRankInner(one, one);
    yy += lowRankInner(two, two);
    if (inner < UNLIKE * Math.sqrt(xx * yy)) break;
  }
  return xx > 0 && yy > 0 ? inner / Math.sqrt(xx * yy) : null;
}

/** Pickles that lie beside the file that is read in their place. */
const PICKLES = ['adapter_model.bin', 'pytorch_model.bin', 'pytorch_lora_weights.bin'];

/** Compares weights with a pickle of the same beside them: loaders differ in which of the two they take. */
export async function checkPickledTwin(
  document: JsonDocument,
  checkpoint: Checkpoint,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const folder = dirname(document.path);
  const names: readonly string[] = await fs.readdir(folder).catch(() => []);
  const pickle = PICKLES.find((name) => names.includes(name));
  const own = checkpoint.files[0]?.path;
  if (pickle === undefined || own === undefined || basename(own) === pickle) return;
  const opened = await context.open(join(folder, pickle));
  if (!opened.ok) return;
  const others = new Map(opened.value.tensors.map((tensor) => [tensor.name, tensor]));
  const bytes = checkpoint.tensors.reduce((sum, { span }) => sum + span.bytes, 0);
  if (bytes > Math.min(MOST_BYTES, context.scanLimit)) return;
  const differing: string[] = [];
  for (const tensor of checkpoint.tensors) {
    const other = others.get(tensor.name);
    if (other === undefined || !(await isSame(tensor, other))) differing.push(tensor.name);
    others.delete(tensor.name);
  }
  differing.push(...others.keys());
  if (differing.length === 0) return;
  findings.add('adapter-pickle-differs', {
    range: document.placeOf('peft_type'),
    at: pickle,
    message: `${pickle} beside ${basename(own)} holds other weights: ${counted(differing.length, 'tensor')} differ (${named(differing)}).`,
    help: `Delete ${pickle} if it is left from an earlier save; loaders that prefer it get another adapter.`,
  });
}

async function isSame(x: TensorEntry, y: TensorEntry): Promise<boolean> {
  if (x.span.dtype !== y.span.dtype || x.span.shape.join() !== y.span.shape.join()) return false;
  const [a, b] = [await readSpan(x.span), await readSpan(y.span)];
  return a.ok && b.ok && Buffer.from(a.value).equals(Buffer.from(b.value));
}

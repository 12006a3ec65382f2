import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { scaleOf, type AdapterConfig } from '../model/adapter';
import { lowRankValues } from '../tensor/linear/low-rank-svd';
import type { PassItem } from '../tensor/pass';
import { deltaOf, factorBytes } from './adapter-deltas';
import type { ModuleFactors } from './adapter-factors';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import type { LintContext } from './rule';
import { counted, named } from './wording';

type Factors = ReadonlyMap<string, ModuleFactors>;

/** Adapters with more bytes of factors are looked at by lenses only. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A smaller rank is proposed where it keeps this much of ‖ΔW‖². */
const ENERGY = 0.99;
/** Ranks below are too small to be worth a finding. */
const LEAST_RANK = 4;
const LARGEST_F16 = 65_504;
/** Half a unit in the last place, relative: smaller changes are rounded away when they are written in the type. */
const HALF_STEP: Readonly<Record<string, number>> = { BF16: 2 ** -9, F16: 2 ** -12 };
/** α/r of almost every recipe lies below; with rsLoRA the same α is √r times stronger. */
const STRONG_SCALE = 8;

interface Strength {
  readonly module: string;
  readonly rank: number;
  /** Singular values of s·B·A, descending. */
  readonly values: Float64Array;
  readonly entries: number;
}

/**
 * How strong the changes of an adapter are: more rank than they use, a scale that rsLoRA makes too large, values beyond
 * float16, and changes that the type of the base rounds away. Reads factors (up to 64 MB) and statistics of the base.
 */
export async function checkStrength(
  document: JsonDocument,
  config: AdapterConfig,
  factors: Factors,
  base: Checkpoint | null,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  checkScale(document, config, factors, findings);
  const all = [...factors.values()];
  if (factorBytes(all) > Math.min(MOST_BYTES, context.scanLimit)) return;
  const strengths: Strength[] = [];
  for (const module of all) {
    if (context.signal.aborted) return;
    const delta = module.magnitude ? null : await deltaOf(module, config);
    if (delta === null) continue;
    const { values } = lowRankValues(delta);
    if (!values.every(Number.isFinite)) continue;
    const entries = delta.rows * delta.columns;
    strengths.push({ module: module.module, rank: delta.rank, values, entries });
    // Lets requests of the editor in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  checkRank(document, strengths, findings);
  checkRange(document, strengths, findings);
  if (base !== null) await checkRounding(document, strengths, base, context, findings);
}

function checkScale(
  document: JsonDocument,
  config: AdapterConfig,
  factors: Factors,
  findings: FindingList,
): void {
  if (!config.rsLora) return;
  const scales = [...factors.keys()].map((module) => scaleOf(config, module));
  const strongest = scales.reduce((most, { scale }) => Math.max(most, scale), 0);
  if (strongest <= STRONG_SCALE) return;
  const { rank, alpha } = scales.find(({ scale }) => scale === strongest) ?? { rank: 1, alpha: 0 };
  findings.add('rslora-over-scaled', {
    range: document.placeOf('lora_alpha'),
    at: 'lora_alpha',
    message: `With use_rslora, lora_alpha ${alpha} and rank ${rank} scale the change by ${strongest.toFixed(1)} (α/√r), where plain LoRA would by ${(alpha / rank).toFixed(2)} (α/r).`,
    help: 'Check that use_rslora was on in training: if it was not, remove it; if it was, keep the value.',
  });
}

function energyRank(values: Float64Array): number {
  const total = values.reduce((sum, value) => sum + value * value, 0);
  let kept = 0;
  const rank = values.findIndex((value) => (kept += value * value) >= ENERGY * total);
  return total === 0 ? 0 : rank + 1;
}

function checkRank(document: JsonDocument, strengths: readonly Strength[], findings: FindingList): void {
  const used = strengths.filter(({ values }) => (values[0] ?? 0) > 0);
  const least = Math.min(...used.map(({ rank }) => rank));
  const needed = Math.max(0, ...used.map(({ values }) => energyRank(values)));
  if (used.length === 0 || least < LEAST_RANK || needed > least / 2) return;
  const kept = used.map(({ values }) => {
    const squares = values.map((value) => value * value);
    const all = squares.reduce((sum, value) => sum + value, 0);
    return squares.subarray(0, needed).reduce((sum, value) => sum + value, 0) / all;
  });
  findings.add('adapter-over-ranked', {
    range: document.placeOf('r'),
    at: 'r',
    message: `${counted(used.length, 'module')} of rank ${least} or more ${used.length === 1 ? 'uses' : 'use'} at most half of it: rank ${needed} keeps ${(100 * Math.min(...kept)).toFixed(1)} % of the energy of every module.`,
    help: `Resize the adapter to rank ${needed} where its size matters.`,
  });
}

function checkRange(document: JsonDocument, strengths: readonly Strength[], findings: FindingList): void {
  // No entry of a matrix is larger than its largest singular value.
  const beyond = strengths.filter(({ values }) => (values[0] ?? 0) > LARGEST_F16);
  if (beyond.length === 0) return;
  const names = beyond.map(({ module }) => module);
  findings.add('adapter-beyond-float16', {
    range: document.placeOf('lora_alpha'),
    at: names[0] ?? '',
    message: `The change of ${counted(beyond.length, 'module')} has a norm beyond what float16 holds (65,504): ${named(names)}.`,
    help: 'Do not merge it in float16; check scale and training of these modules.',
  });
}

async function checkRounding(
  document: JsonDocument,
  strengths: readonly Strength[],
  base: Checkpoint,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const weights = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  const pairs = strengths.flatMap((strength): { strength: Strength; weight: TensorEntry }[] => {
    const weight = weights.get(`${strength.module}.weight`);
    return weight && weight.span.dtype in HALF_STEP ? [{ strength, weight }] : [];
  });
  const bytes = pairs.reduce((sum, { weight }) => sum + weight.span.bytes, 0);
  if (pairs.length === 0 || bytes > context.scanLimit || context.signal.aborted) return;
  const items = pairs.map(({ weight }): PassItem => ({ kind: 'moments', span: weight.span }));
  const outcomes = await context.passes.run(items, { signal: context.signal });
  if (!outcomes.ok) return;
  const lost = pairs.filter(({ strength: { values, entries }, weight }, at) => {
    const moments = outcomes.value[at];
    if (moments?.kind !== 'moments' || moments.count === 0) return false;
    const size = Math.sqrt(moments.squares / moments.count);
    const change = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / entries);
    return change > 0 && change < size * (HALF_STEP[weight.span.dtype] ?? 0);
  });
  if (lost.length === 0) return;
  const names = lost.map(({ strength }) => strength.module);
  const dtype = lost[0]?.weight.span.dtype ?? '';
  findings.add('adapter-rounded-away', {
    range: document.placeOf('base_model_name_or_path'),
    at: names[0] ?? '',
    message: `In ${counted(lost.length, 'module')} of ${pairs.length} the typical change is smaller than half a step of ${dtype}, the type of the base: merging rounds most of it away (${named(names)}).`,
    help: 'Keep the adapter separate, or merge into a copy of the base in float32.',
  });
}

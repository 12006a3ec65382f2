import type { TensorEntry } from '../format/checkpoint';
import type { AdapterSummary } from '../protocol/checkpoint';
import type { Finding } from '../protocol/finding';
import type { AdapterConfig } from './adapter-config';
import type { AdapterTarget, Described, Layout, ModuleTensors, Refusal } from './adapters/family';
import { sharedParts, sortTensors, type SortedTensors } from './adapters/sort-tensors';
import { FAMILIES } from './adapters/registry';
import { SettingsRules, type AdapterSettings, type ScaleOrigin } from './adapters/rules';
import { recogniseWhole, type WholeAdapter } from './adapters/without-delta';
import { modelFinding, type ModelCode } from './finding-codes';
import { compareNatural } from './natural-order';

/** An adapter as its configuration and its tensors describe it. */
export interface AdapterDescription {
  /** PEFT's configuration; `null` where there is none. */
  readonly config: AdapterConfig | null;
  /** Fields of the `adapter_config.json`, whoever wrote it; empty where there is none. */
  readonly fields: ReadonlyMap<string, unknown>;
  /** `LoRA`, `DoRA`, `LoHa`, ...; several where modules differ. */
  readonly kind: string;
  /** In whose naming the tensors are. */
  readonly layout: Layout | null;
  /** What changes, in natural order of the modules' names. */
  readonly targets: readonly AdapterTarget[];
  /** Parameters of the base that were trained and saved whole, by their names in the base. */
  readonly saved: readonly { readonly tensor: string; readonly entry: TensorEntry }[];
  /** Why it has no task vector at all; `null` where it has one. A sentence. */
  readonly refusal: string | null;
  /** Tensors that belong to no task vector, with the reason. */
  readonly unplaced: readonly UnplacedTensor[];
  readonly scaleOrigin: ScaleOrigin | null;
  readonly findings: readonly Finding[];
  /** What it says of itself; the base's path is not known here. */
  readonly summary: Omit<AdapterSummary, 'basePath'>;
}

/** A tensor that belongs to no task vector, and why. */
export interface UnplacedTensor {
  readonly tensor: string;
  readonly reason: string;
  /** A finding about its kind has said so for all of them. */
  readonly isTold?: true;
}

/** Layouts whose loaders take alpha to be the rank where a file says nothing. */
const ALPHA_IS_RANK: ReadonlySet<Layout> = new Set(['kohya', 'LyCORIS', 'diffusers', 'cloneofsimo', 'T-Few']);

/**
 * Recognises what kind of adapter tensors are by their names and shapes, and describes what changes; `null` where they are
 * none. Total: whatever does not fit becomes a finding or an unplaced tensor. `path` is the file the findings belong to.
 */
export function describeAdapter(
  settings: AdapterSettings,
  tensors: readonly TensorEntry[],
  path: string,
): AdapterDescription | null {
  const { config } = settings;
  const whole = recogniseWhole(tensors, settings);
  const sorted = sortTensors(tensors);
  const rules = new SettingsRules(settings, sharedParts(sorted));
  const described =
    whole || config?.refusal ? [] : sorted.modules.flatMap((each) => describeModule(each, rules));
  if (!whole && !config && !described.some(isOfAdapter)) return null;
  const targets = described.filter((each) => each.kind === 'target');
  const refused = described.filter((each) => each.kind === 'refused');
  targets.sort((x, y) => compareNatural(x.module, y.module));
  const written = mostFrequent(sorted.modules.map((each) => each.layout));
  const layout = config && written === 'LyCORIS' ? 'PEFT' : written;
  const kind = kindOf(settings, whole, described);
  const refusal = whole?.reason ?? config?.refusal ?? unknownKind(config, targets, sorted, refused);
  const origin = mostFrequent([...rules.origins]);
  return {
    config,
    fields: settings.fields,
    kind,
    layout,
    targets,
    saved: refusal === null ? sorted.saved : [],
    refusal,
    unplaced: unplacedOf(sorted, refused, refusal),
    scaleOrigin: origin,
    findings: [
      ...(refusal === null
        ? []
        : [kindFinding(whole ? 'adapter-without-delta' : 'adapter-kind-unsupported', kind, refusal, path)]),
      ...refusedFindings(refused, path),
      ...rankFindings(targets, path),
      ...assumedScale(origin, layout, targets, path),
    ],
    summary: summarise(settings, kind, targets, layout),
  };
}

/** An alpha by itself, or a shared matrix, makes no adapter. */
function isOfAdapter(described: Described): boolean {
  return described.kind === 'target' || described.code !== 'adapter-tensor-unplaced';
}

function describeModule(tensors: ModuleTensors, rules: SettingsRules): readonly Described[] {
  for (const family of FAMILIES) {
    const described = family.describe(tensors, rules);
    if (described) return described;
  }
  return [
    {
      kind: 'refused', title: '', module: tensors.key.module, code: 'adapter-tensor-unplaced',
      reason: 'tensors of no known kind of adapter together', tensors: [...tensors.parts.values()],
    },
  ]; // prettier-ignore
}

/** Trained so that every smaller rank works, too; saved as one LoRA of the largest (Valipour et al. 2023). */
const DYLORA = /(?:^|\.)dylora$/i;

function kindOf(
  { config, metadata }: AdapterSettings,
  whole: WholeAdapter | null,
  described: readonly Described[],
): string {
  if (whole) return whole.title;
  const titles = [...new Set(described.map(({ title }) => title).filter((title) => title !== ''))].sort();
  if (titles.length === 0) return config?.kind ?? 'adapter';
  const [only = ''] = titles;
  if (titles.length > 1 || only !== 'LoRA') return titles.join(', ');
  if (DYLORA.test(metadata['ss_network_module'] ?? '')) return 'DyLoRA';
  return config?.rsLora ? 'rsLoRA' : only;
}

/** A configuration of a kind of which no tensor could be made sense of. */
function unknownKind(
  config: AdapterConfig | null,
  targets: readonly AdapterTarget[],
  { saved }: SortedTensors,
  refused: readonly Refusal[],
): string | null {
  if (!config || targets.length > 0 || saved.length > 0 || refused.some(isOfAdapter)) return null;
  return `no tensor of it is one of those that adapters of the kind ${config.kind} are known by.`;
}

function unplacedOf(
  { unknown, modules, saved }: SortedTensors,
  refused: readonly Refusal[],
  refusal: string | null,
): AdapterDescription['unplaced'] {
  if (refusal !== null) {
    const all = [
      ...modules.flatMap(({ parts }) => [...parts.values()]),
      ...saved.map(({ entry }) => entry),
      ...unknown().map(({ entry }) => entry),
    ];
    return all.map(({ name }) => ({ tensor: name, reason: refusal }));
  }
  return [
    ...unknown().map(({ entry, reason }) => ({ tensor: entry.name, reason })),
    ...refused.flatMap(({ tensors, reason, code }) =>
      tensors.map(({ name }): UnplacedTensor => ({
        tensor: name,
        reason,
        ...(code === 'adapter-mixed-deltas' ? { isTold: true } : {}),
      })),
    ),
  ];
}

function kindFinding(code: ModelCode, kind: string, reason: string, path: string): Finding {
  return modelFinding(code, path, `${path} is an adapter of the kind ${kind}: ${reason}`);
}

/** One finding for all modules that are refused for the same reason. */
function refusedFindings(refused: readonly Refusal[], path: string): Finding[] {
  const groups = groupsBy(
    refused.filter(({ code }) => code !== 'adapter-tensor-unplaced'),
    ({ code, reason }) => `${code} ${reason}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const message = `${nameOf(group)}: ${first.reason}.`;
    return [modelFinding(first.code, path, message, first.module)];
  });
}

/** One finding for all modules whose ranks disagree in the same way: mostly that is one wrong `r`. */
function rankFindings(targets: readonly AdapterTarget[], path: string): Finding[] {
  const groups = groupsBy(
    targets.filter(({ rank, storedRank }) => rank !== storedRank),
    ({ rank, storedRank }) =>
      `the configuration says rank ${String(rank)}, the tensors have ${String(storedRank)}`,
  );
  return [...groups].map(([ranks, group]) => {
    const message = `${nameOf(group)}: ${ranks}. The scale is taken from the configuration.`;
    return modelFinding('rank-mismatch', path, message, group[0]?.module);
  });
}

function nameOf(group: readonly { readonly module: string }[]): string {
  const first = group[0]?.module ?? '';
  return group.length === 1 ? first : `${first} and ${String(group.length - 1)} more`;
}

function assumedScale(
  origin: ScaleOrigin | null,
  layout: Layout | null,
  targets: readonly AdapterTarget[],
  path: string,
): Finding[] {
  if (origin !== 'assumed' || targets.length === 0 || (layout && ALPHA_IS_RANK.has(layout))) return [];
  const message = `${path} does not say its alpha, and there is no adapter_config.json beside it: scale 1 is taken.`;
  return [modelFinding('adapter-scale-assumed', path, message)];
}

function summarise(
  { config, fields }: AdapterSettings,
  kind: string,
  targets: readonly AdapterTarget[],
  layout: Layout | null,
): Omit<AdapterSummary, 'basePath'> {
  const ranks = targets.flatMap(({ storedRank }) => storedRank ?? []);
  const model = fields.get('model') ?? fields.get('model_name');
  return {
    kind,
    layout,
    rank: rangeText(ranks),
    alpha: rangeText(targets.flatMap(({ alpha }) => alpha ?? [])),
    scale: ranks.length > 0 ? rangeText(targets.map(({ scale }) => scale)) : '',
    targets: config ? config.targets : lastParts(targets),
    baseName: config ? config.baseName : typeof model === 'string' ? model : null,
  };
}

/** The last parts of dotted names: what `target_modules` would list. */
function lastParts(targets: readonly AdapterTarget[]): readonly string[] {
  const dotted = targets.filter(({ key }) => key.style === 'dotted');
  return [...new Set(dotted.map(({ module }) => module.split('.').at(-1) ?? module))].sort(compareNatural);
}

function rangeText(values: readonly number[]): string {
  const distinct = [...new Set(values)].sort((x, y) => x - y);
  const ends = distinct.length > 1 ? [distinct.at(0), distinct.at(-1)] : distinct;
  return ends.map((value) => String(Number((value ?? 0).toPrecision(6)))).join('–');
}

function mostFrequent<T>(values: readonly T[]): T | null {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((x, y) => y[1] - x[1])[0]?.[0] ?? null;
}

function groupsBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

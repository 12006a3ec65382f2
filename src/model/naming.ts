import { MODULES } from './modules';
import { compareNatural } from './natural-order';
import {
  FLAT_WORDS,
  LAYER_WORDS,
  PARAMETER_PARTS,
  PLAIN_SECTION_RANK,
  SECTIONS,
  TRANSPARENT_PARTS,
} from './naming/parts';
import type { NamingRule } from './naming/rule';
import { NAMING_RULES } from './naming/rules';
import type { Place } from './place';

export { compareNatural } from './natural-order';

/** The layer of every tensor that stands in no numbered layer. */
export const OTHER_LAYER = '(other)';

const MODULE_RANK: ReadonlyMap<string, number> = new Map(MODULES.map(({ module }, rank) => [module, rank]));
const ROLES: ReadonlyMap<string, Place['role']> = new Map(MODULES.map(({ module, role }) => [module, role]));
const UNKNOWN: NamingRule = { pattern: /^/, module: 'other' };
const NUMBER = /^\d+$/;
const EXPERT = /^(?:expert_)?(\d+)$/;
const NUMBERED_WORD = /^([a-z_]*[a-z])_?(\d+)$/;
const FACTOR = /^(?:lora_|vera_|hada_|lokr_|ia3_|oft_|boft_|modules_to_save$)/;

/** What is the same for a tensor in every layer, and for every tensor of a layer: few of each, so both are remembered. */
type Kind = Pick<Place, 'module' | 'role' | 'expert'> & { readonly rowOutside: string };
/** By what stands before the number of the layer and what stands after it. */
const kinds = new Map<string, Map<string, Kind>>();
const outside = new Map<string, Kind>();
/** Rows, the same string for all that are equal, with their labels. */
const rows = new Map<string, { readonly row: string; readonly label: string }>();
const REMEMBERED = 50_000;

/** How PEFT begins the name of every tensor of an adapter; what follows is the base's name. */
const PEFT_PREFIX = 'base_model.model.';

/**
 * Finds where a tensor stands in the network by its name alone: total and deterministic, unknown names are `other`. A
 * factor of an adapter stands where the base's tensor does.
 */
export function placeOf(storedName: string): Place {
  const tensorName = storedName.startsWith(PEFT_PREFIX) ? storedName.slice(PEFT_PREFIX.length) : storedName;
  const number = firstNumericPart(tensorName);
  const kind = number
    ? remembered(
        remembered(kinds, tensorName.slice(0, number.start), () => new Map<string, Kind>()),
        tensorName.slice(number.end),
        () => kindOf(tensorName),
      )
    : remembered(outside, tensorName, () => kindOf(tensorName));
  const written = number ? tensorName.slice(0, number.end) : kind.rowOutside;
  const { row, label } = remembered(rows, written, () => ({ row: written, label: rowLabel(written) }));
  const { module, role, expert } = kind;
  const layer = number ? row : OTHER_LAYER;
  return expert === undefined
    ? { layer, layerLabel: label, row, module, role }
    : { layer, layerLabel: label, row, module, role, expert };
}

/** Where the first part between dots is that has only digits. */
function firstNumericPart(name: string): { readonly start: number; readonly end: number } | null {
  let start = 0;
  while (start <= name.length) {
    const dot = name.indexOf('.', start);
    const end = dot < 0 ? name.length : dot;
    let at = start;
    while (at < end && name.charCodeAt(at) >= 48 && name.charCodeAt(at) <= 57) at++;
    if (at === end && end > start) return { start, end };
    start = end + 1;
  }
  return null;
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = make();
  if (known.size >= REMEMBERED) known.clear();
  known.set(key, value);
  return value;
}

function kindOf(tensorName: string): Kind {
  const parts = tensorName.split('.');
  const numberAt = parts.findIndex((part) => NUMBER.test(part));
  const outside = numberAt < 0;
  const path = modulePath(parts, numberAt);
  const rule = NAMING_RULES.find((each) => (outside || !each.outside) && each.pattern.test(path)) ?? UNKNOWN;
  const role = ROLES.get(rule.module) ?? 'other';
  const expert = expertOf(parts);
  return {
    module: rule.module,
    role,
    rowOutside: outside ? rowOutsideLayers(parts, rule, role) : '',
    ...(expert === null ? {} : { expert }),
  };
}

/** Tensor names in the order in which data passes: input, layers (encoder before decoder), output; modules in order inside each. */
export function networkOrder(names: readonly string[]): string[] {
  const keyed = names.map((name) => ({ name, place: placeOf(name) }));
  const rows = ranks(
    keyed.map(({ place }) => place.row),
    compareRows,
  );
  const modules = ranks(
    keyed.map(({ place }) => place.module),
    compareModules,
  );
  return keyed
    .map(({ name, place }) => ({
      name,
      row: rows.get(place.row) ?? 0,
      module: modules.get(place.module) ?? 0,
    }))
    .sort((a, b) => a.row - b.row || a.module - b.module || compareNatural(a.name, b.name))
    .map(({ name }) => name);
}

/** The distinct values, each with its place in their order. */
function ranks(values: readonly string[], compare: (a: string, b: string) => number): Map<string, number> {
  return new Map([...new Set(values)].sort(compare).map((value, rank) => [value, rank]));
}

/** Orders heatmap rows ({@link Place.row}): `input`, layers in network order, `(other)`, `output`. */
export function compareRows(a: string, b: string): number {
  if (a === b) return 0;
  return rowRank(a) - rowRank(b) || compareNatural(a, b);
}

/** Orders modules as a layer computes them; unknown ones last. */
export function compareModules(a: string, b: string): number {
  const last = MODULES.length;
  return (MODULE_RANK.get(a) ?? last) - (MODULE_RANK.get(b) ?? last) || compareNatural(a, b);
}

/** Short label of a heatmap row for an axis: `layer 3`, `encoder 3`, `input`. Rows of different parts may share one. */
export function rowLabel(row: string): string {
  const parts = row.split('.');
  const number = parts.at(-1) ?? '';
  if (!NUMBER.test(number)) return row;
  const section = SECTIONS.find(({ pattern }) => pattern.test(row));
  const word = parts.at(-2) ?? '';
  if (section) return `${section.label} ${number}`;
  if (LAYER_WORDS.has(word)) return `layer ${number}`;
  return /\d$/.test(word) ? `${word}.${number}` : `${word} ${number}`.trim();
}

const ROW_RANKS: ReadonlyMap<string, number> = new Map([
  ['input', -1],
  [OTHER_LAYER, 100],
  ['output', 101],
]);

function rowRank(row: string): number {
  return (
    ROW_RANKS.get(row) ?? SECTIONS.find(({ pattern }) => pattern.test(`${row}.`))?.rank ?? PLAIN_SECTION_RANK
  );
}

/** The name as the rules see it; see {@link NamingRule.pattern}. */
function modulePath(parts: readonly string[], numberAt: number): string {
  const kept: string[] = [];
  for (const [index, part] of parts.entries()) {
    // What an adapter hangs below a module is not part of the module's name.
    if (FACTOR.test(part)) break;
    if (TRANSPARENT_PARTS.has(part)) continue;
    const counted = index === numberAt || isExpertNumber(part, parts[index - 1]);
    kept.push(counted ? '#' : part.toLowerCase());
  }
  const parameter = kept.at(-1) ?? '';
  if (kept.length > 1 && PARAMETER_PARTS.has(parameter)) kept.pop();
  return kept.join('.').replace(/in_proj_(?:weight|bias)$/, 'in_proj');
}

/** Whether a part is the number of an expert: `experts.7`, in Switch `experts.expert_7`. */
function isExpertNumber(part: string, before: string | undefined): boolean {
  return (before === 'experts' || before === 'expert') && EXPERT.test(part);
}

function expertOf(parts: readonly string[]): number | null {
  const part = parts.find((each, index) => isExpertNumber(each, parts[index - 1]));
  return part === undefined ? null : Number(EXPERT.exec(part)?.[1]);
}

function rowOutsideLayers(parts: readonly string[], rule: NamingRule, role: Place['role']): string {
  if (rule.row) return rule.row;
  if (role === 'embedding') return 'input';
  if (role === 'head' || rule.module === 'norm.final') return 'output';
  const at = parts.findIndex((part) => NUMBERED_WORD.test(part));
  const match = NUMBERED_WORD.exec(parts[at] ?? '');
  if (!match) return OTHER_LAYER;
  const [, word = '', number = ''] = match;
  if (!FLAT_WORDS.has(word)) return parts.slice(0, at + 1).join('.');
  return [...parts.slice(0, at), `stage ${number}`].join('.');
}

import type { Node } from 'jsonc-parser';
import { readPattern } from '../model/pattern';
import type { QuickFix } from '../protocol/finding';
import { type FindingList, replacement } from './finding-list';
import type { JsonDocument, JsonEntry } from './json-document';
import { FIELD_ALIASES, LORA_FIELDS, type PeftField } from './peft-fields';
import { nearestName } from './spelling';
import { clipped } from './wording';

/** Checks names and value types of all fields of a LoRA configuration. */
export function checkFields(document: JsonDocument, findings: FindingList): void {
  for (const entry of document.entries) {
    const field = fieldOf(entry.key);
    if (!field) checkSpelling(document, entry, findings);
    else if (entry.key !== 'peft_type') checkField(document, entry, field, findings);
  }
  const alpha = document.entry('lora_alpha');
  if (alpha?.value === 0) {
    findings.add('lora-alpha-zero', {
      range: alpha.valueRange,
      at: 'lora_alpha',
      message: 'lora_alpha is 0, so the scale of the adapter is 0: it does nothing.',
      help: 'Write the value that was used in training.',
    });
  }
}

/** Whether a value is of the type that its field needs; unknown fields are always right. */
export function isRightType(document: JsonDocument, entry: JsonEntry): boolean {
  const field = fieldOf(entry.key);
  return !field || (entry.value === null ? !field.required : wrongType(document, entry.node, field) === null);
}

function fieldOf(key: string): PeftField | undefined {
  return Object.hasOwn(LORA_FIELDS, key) ? LORA_FIELDS[key] : undefined;
}

/**
 * The field that a key was meant to be. What `use_dora` and `eva_config` have in common with any other key of that kind
 * does not count, and short cores are not guessed: the next version of PEFT may well bring a `use_kora`.
 */
function nearestField(key: string): string | null {
  const meant = nearestName(key, Object.keys(LORA_FIELDS));
  if (meant === null) return null;
  const core = (name: string) => name.replace(/^use_|_config$/g, '');
  if (core(meant) === meant) return meant;
  return core(key).length >= 5 && nearestName(core(key), [core(meant)]) !== null ? meant : null;
}

function checkSpelling(document: JsonDocument, entry: JsonEntry, findings: FindingList): void {
  const alias = Object.hasOwn(FIELD_ALIASES, entry.key) ? FIELD_ALIASES[entry.key] : undefined;
  const meant = alias ?? nearestField(entry.key);
  if (meant === null) return;
  const taken = document.entry(meant) !== undefined;
  // Other tools write `rank` beside `r` for themselves; only a near miss of a present key is worth a word.
  if (taken && alias !== undefined) return;
  findings.add('adapter-field-misspelt', {
    range: entry.keyRange,
    at: entry.key,
    message: `PEFT does not know "${clipped(entry.key)}"; "${meant}" is meant, most likely${taken ? ', which is also there' : ''}.`,
    help: taken ? 'Remove the key that is not needed.' : `Rename the key to "${meant}".`,
    ...(taken
      ? {}
      : {
          fixes: [replacement(`Rename to "${meant}"`, document.path, entry.keyRange, JSON.stringify(meant))],
        }),
  });
}

function checkField(document: JsonDocument, entry: JsonEntry, field: PeftField, findings: FindingList): void {
  if (entry.value === null) {
    if (field.required) addWrongType(document, entry, entry.node, field, 'null', findings);
    return;
  }
  if (field.type === 'number-map' && entry.node.type === 'object') {
    checkPatterns(document, entry, field, findings);
    return;
  }
  const wrong = wrongType(document, entry.node, field);
  if (wrong !== null) addWrongType(document, entry, entry.node, field, wrong, findings);
  else checkValue(document, entry, field, findings);
  if (entry.key === 'target_modules' && typeof entry.value === 'string') {
    checkPattern(document.placeOf('target_modules'), entry.value, findings);
  }
}

function checkPatterns(
  document: JsonDocument,
  entry: JsonEntry,
  field: PeftField,
  findings: FindingList,
): void {
  const number: PeftField = { type: entry.key === 'rank_pattern' ? 'integer' : 'number', meaning: '' };
  for (const pattern of document.entriesOf(entry.node)) {
    checkPattern(pattern.keyRange, pattern.key, findings);
    const inner = { ...pattern, key: `${entry.key}.${pattern.key}` };
    const wrong = pattern.value === null ? 'null' : wrongType(document, pattern.node, number);
    if (wrong !== null) addWrongType(document, inner, pattern.node, number, wrong, findings);
    else
      checkValue(
        document,
        inner,
        { ...number, ...(field.minimum === undefined ? {} : { minimum: field.minimum }) },
        findings,
      );
  }
}

function checkPattern(range: JsonEntry['keyRange'], source: string, findings: FindingList): void {
  const pattern = readPattern(source);
  if (pattern.kind !== 'invalid') return;
  findings.add('module-pattern-invalid', {
    range,
    at: source,
    message: `"${clipped(source)}" is not a valid regular expression: ${pattern.reason}.`,
    help: 'Correct the expression; it is read by Python’s "re".',
  });
}

const WANTED: Readonly<Record<PeftField['type'], string>> = {
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  string: 'a string',
  names: 'a list of strings',
  'name-or-names': 'a string or a list of strings',
  integers: 'a whole number or a list of them',
  'number-map': 'an object from module names to numbers',
  object: 'an object',
  anything: 'anything',
};

/** What a value is, where it is not what its field needs; `null` where it is right. */
function wrongType(document: JsonDocument, node: Node, field: PeftField): string | null {
  const { type } = node;
  const items = type === 'array' ? (node.children ?? []) : [];
  switch (field.type) {
    case 'boolean':
      return type === 'boolean' ? null : described(node);
    case 'integer':
      return isWhole(document, node) ? null : type === 'number' ? 'a fractional number' : described(node);
    case 'number':
      return type === 'number' ? null : described(node);
    case 'string':
      return type === 'string' ? null : described(node);
    case 'names':
    case 'name-or-names':
      if (type === 'string' && field.type === 'name-or-names') return null;
      if (type !== 'array') return described(node);
      return items.every((item) => item.type === 'string') ? null : 'a list with other things than strings';
    case 'integers':
      if (isWhole(document, node)) return null;
      if (type !== 'array') return described(node);
      return items.every((item) => isWhole(document, item))
        ? null
        : 'a list with other things than whole numbers';
    case 'number-map':
    case 'object':
      return type === 'object' ? null : described(node);
    case 'anything':
      return null;
  }
}

/** Python tells 16 from 16.0, so the way it is written counts. */
function isWhole(document: JsonDocument, node: Node): boolean {
  return (
    node.type === 'number' && /^-?\d+$/.test(document.text.slice(node.offset, node.offset + node.length))
  );
}

function described({ type }: Node): string {
  if (type === 'null') return 'null';
  return type === 'array' ? 'a list' : type === 'object' ? 'an object' : `a ${type}`;
}

function addWrongType(
  document: JsonDocument,
  entry: JsonEntry,
  node: Node,
  field: PeftField,
  is: string,
  findings: FindingList,
): void {
  const range = document.rangeOf(node);
  const converted = conversion(node, field);
  const fix: QuickFix[] =
    converted === null
      ? []
      : [replacement(`Change to ${clipped(converted)}`, document.path, range, converted)];
  findings.add('adapter-field-type', {
    range,
    at: entry.key,
    message: `${clipped(entry.key)} is ${is}; it must be ${WANTED[field.type]}.`,
    help: converted === null ? `Write ${WANTED[field.type]}.` : `Write ${clipped(converted)}.`,
    ...(fix.length > 0 ? { fixes: fix } : {}),
  });
}

/** The same value in the type that is needed, as JSON; `null` where only a person can know. */
function conversion(node: Node, field: PeftField): string | null {
  const value: unknown = node.value;
  switch (field.type) {
    case 'boolean': {
      const word = String(value).toLowerCase();
      if (node.type !== 'string' && node.type !== 'number') return null;
      return word === 'true' || word === '1' ? 'true' : word === 'false' || word === '0' ? 'false' : null;
    }
    case 'integer':
    case 'integers':
    case 'number': {
      const number = typeof value === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number)) return null;
      return field.type === 'number' || Number.isInteger(number) ? String(number) : null;
    }
    case 'names':
      return typeof value === 'string' ? JSON.stringify([value]) : null;
    case 'string':
    case 'name-or-names':
    case 'number-map':
    case 'object':
    case 'anything':
      return null;
  }
}

function checkValue(document: JsonDocument, entry: JsonEntry, field: PeftField, findings: FindingList): void {
  const { value } = entry;
  const add = (message: string, help: string, fixes: readonly QuickFix[] = []) =>
    findings.add('adapter-field-value', {
      range: entry.valueRange,
      at: entry.key,
      message,
      help,
      ...(fixes.length > 0 ? { fixes } : {}),
    });
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = field;
    if (value >= minimum && value <= maximum) return;
    const bounds = maximum === Infinity ? `${minimum} or more` : `between ${minimum} and ${maximum}`;
    add(`${clipped(entry.key)} is ${value}; it must be ${bounds}.`, `Write a number that is ${bounds}.`);
  } else if (typeof value === 'string' && field.values && !field.values.includes(value)) {
    const allowed = field.values.map((name) => `"${name}"`).join(', ');
    const meant =
      field.values.find((name) => name === value.toLowerCase()) ?? nearestName(value, field.values);
    const fix =
      meant === null
        ? []
        : [replacement(`Change to "${meant}"`, document.path, entry.valueRange, JSON.stringify(meant))];
    add(
      `${entry.key} is "${clipped(value)}"; it must be one of ${allowed}.`,
      `Write one of ${allowed}.`,
      fix,
    );
  }
}

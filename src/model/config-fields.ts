import type { ModelFindings } from './model-findings';

/**
 * The fields of one JSON object of a model's configuration. A field that is asked for and has a value of the wrong
 * type counts as missing and is reported once, as `model-config-field`.
 */
export class ConfigFields {
  private constructor(
    private readonly fields: ReadonlyMap<string, unknown>,
    private readonly findings: ModelFindings,
    private readonly prefix: string,
    private readonly reported: Set<string>,
  ) {}

  /** The fields of a JSON object; `null` where it is none. */
  static of(json: unknown, findings: ModelFindings): ConfigFields | null {
    const fields = objectOf(json);
    return fields && new ConfigFields(fields, findings, '', new Set());
  }

  /** Whether there is such a field, and not `null`. */
  has(key: string): boolean {
    return (this.fields.get(key) ?? null) !== null;
  }

  /** The object in a field; `null` where there is none. */
  nested(key: string): ConfigFields | null {
    const fields = objectOf(this.fields.get(key));
    return fields && new ConfigFields(fields, this.findings, `${this.prefix}${key}.`, this.reported);
  }

  /** A text that is not empty. */
  text(key: string): string | null {
    const value = this.fields.get(key);
    return typeof value === 'string' && value !== '' ? value : null;
  }

  /** The first text of a list. */
  firstText(key: string): string | null {
    const value = this.fields.get(key);
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    const [first] = list;
    return typeof first === 'string' && first !== '' ? first : null;
  }

  /** True or false. */
  boolean(key: string): boolean | null {
    const value = this.fields.get(key);
    return typeof value === 'boolean' ? value : null;
  }

  /** The first of several fields that is there, a whole number above 0. A list is none, and not reported: see {@link counts}. */
  count(keys: readonly string[]): number | null {
    const key = keys.find((each) => this.has(each));
    if (key === undefined) return null;
    const value = this.fields.get(key);
    if (isCount(value)) return value;
    if (!Array.isArray(value)) this.report(key, value, 'a whole number above 0');
    return null;
  }

  /** The first of several fields that is there, where it is a list of whole numbers above 0. */
  counts(keys: readonly string[]): readonly number[] | null {
    const key = keys.find((each) => this.has(each));
    const value = key === undefined ? null : this.fields.get(key);
    if (key === undefined || !Array.isArray(value)) return null;
    const list: readonly unknown[] = value;
    if (list.length > 0 && list.every(isCount)) return list;
    this.report(key, value, 'whole numbers above 0');
    return null;
  }

  private report(key: string, value: unknown, wanted: string): void {
    const name = this.prefix + key;
    if (this.reported.has(name)) return;
    this.reported.add(name);
    const shown = JSON.stringify(value).slice(0, 60);
    this.findings.add('model-config-field', `"${name}" is ${shown}; it must be ${wanted}.`, name);
  }
}

function objectOf(json: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  return new Map<string, unknown>(Object.entries(json));
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

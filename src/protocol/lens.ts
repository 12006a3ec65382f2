import { failure, success, type Result } from './result';
import type { StudyPart } from './study-facts';

/** One declaration makes the form in the panel, the flags of the command line and the validation. */
export type ParameterDeclaration = {
  readonly name: string;
  readonly title: string;
  readonly help: string;
} & (
  | {
      readonly type: 'number';
      readonly default: number;
      readonly minimum?: number;
      readonly maximum?: number;
      readonly integer?: boolean;
    }
  | { readonly type: 'boolean'; readonly default: boolean }
  | { readonly type: 'text'; readonly default: string }
  | {
      readonly type: 'choice';
      readonly default: string;
      readonly choices: readonly { readonly value: string; readonly title: string }[];
    }
);

export type ParameterValue = number | boolean | string;
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** What a lens must be given. */
export interface LensNeeds {
  readonly data: readonly ('weights' | 'activations' | 'gradients' | 'labels')[];
  /** What a study may have in place of a graph and data. */
  readonly instead?: 'fisher';
  /** `optional`: the lens also works on the tasks alone (`summary`). */
  readonly base: 'required' | 'optional';
  readonly tasks: { readonly minimum: number; readonly maximum?: number };
  /** What must be in the files beside; a lens says itself what to do where it is not. */
  readonly parts?: readonly StudyPart[];
  /** Whether adapters are taken without forming the dense task vector. */
  readonly factored: boolean;
}

/** A lens as the palette, the tree, the command line and the docs see it. */
export interface LensDescription {
  /** Kebab-case and stable. */
  readonly id: string;
  readonly version: number;
  readonly title: string;
  /** One sentence that a newcomer understands. */
  readonly summary: string;
  readonly formula: string;
  /** How to read the result: what large and small mean, what to do with it, where it misleads. Plain text. */
  readonly reading: string;
  readonly source: readonly { readonly title: string; readonly link: string }[];
  readonly needs: LensNeeds;
  readonly parameters: readonly ParameterDeclaration[];
}

/**
 * Completes and checks parameter values against their declarations. Strings are accepted for every type, since
 * that is how a command line and a form give them. Fails with `unknown-parameter` or `bad-parameter`.
 */
export function checkParameters(
  declarations: readonly ParameterDeclaration[],
  given: Readonly<Record<string, unknown>>,
): Result<ParameterValues> {
  const known = new Map(declarations.map((declaration) => [declaration.name, declaration]));
  for (const name of Object.keys(given)) {
    if (!known.has(name)) return unknownParameter(name, declarations);
  }
  const values: Record<string, ParameterValue> = Object.create(null) as Record<string, ParameterValue>;
  for (const declaration of declarations) {
    const value = given[declaration.name];
    if (value === undefined) {
      values[declaration.name] = declaration.default;
      continue;
    }
    const checked = checkParameter(declaration, value);
    if (!checked.ok) return checked;
    values[declaration.name] = checked.value;
  }
  return success({ ...values });
}

function unknownParameter(name: string, declarations: readonly ParameterDeclaration[]): Result<never> {
  const names = declarations.map((declaration) => declaration.name).join(', ');
  return failure({
    code: 'unknown-parameter',
    message: `There is no parameter "${name}".`,
    action: names ? `Use one of: ${names}.` : 'This lens takes no parameters.',
    at: name,
  });
}

/** Checks one value against its declaration; fails with `bad-parameter`. */
export function checkParameter(declaration: ParameterDeclaration, value: unknown): Result<ParameterValue> {
  switch (declaration.type) {
    case 'number':
      return checkNumber(declaration, value);
    case 'boolean':
      if (value === true || value === 'true') return success(true);
      if (value === false || value === 'false') return success(false);
      return badParameter(declaration.name, value, 'true or false');
    case 'text':
      return typeof value === 'string' ? success(value) : badParameter(declaration.name, value, 'text');
    case 'choice': {
      const choices = declaration.choices.map((choice) => choice.value);
      return typeof value === 'string' && choices.includes(value)
        ? success(value)
        : badParameter(declaration.name, value, `one of ${choices.join(', ')}`);
    }
  }
}

function checkNumber(
  declaration: Extract<ParameterDeclaration, { type: 'number' }>,
  value: unknown,
): Result<ParameterValue> {
  const { name, minimum = -Infinity, maximum = Infinity, integer = false } = declaration;
  const text = typeof value === 'string' ? value.trim() : value;
  const number = typeof text === 'string' && text !== '' ? Number(text) : text;
  const fits =
    typeof number === 'number' && Number.isFinite(number) && number >= minimum && number <= maximum;
  if (fits && (!integer || Number.isInteger(number))) return success(number);
  const kind = integer ? 'a whole number' : 'a number';
  const lower = minimum === -Infinity ? '' : ` ≥ ${String(minimum)}`;
  const upper = maximum === Infinity ? '' : `${lower ? ' and' : ''} ≤ ${String(maximum)}`;
  return badParameter(name, value, `${kind}${lower}${upper}`);
}

function badParameter(name: string, value: unknown, wanted: string): Result<never> {
  return failure({
    code: 'bad-parameter',
    message: `Parameter "${name}" is ${JSON.stringify(value)}; it must be ${wanted}.`,
    action: `Give ${wanted}.`,
    at: name,
  });
}

import type { LensDescription, ParameterValues } from '../../src/protocol/lens';

/** The declared defaults, so that two cards which mean the same are the same. */
export function defaultsOf(lens: LensDescription): ParameterValues {
  return Object.fromEntries(lens.parameters.map(({ name, default: value }) => [name, value]));
}

/** The same for parameters in any order. */
export function parametersKey(parameters: ParameterValues): string {
  return JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)));
}

import { readPattern, type PatternOutcome } from '../model/pattern';
import type { JsonDocument } from './json-document';

/** Which modules get an adapter, by PEFT's own rules. */
export interface TargetModules {
  /** Names as listed; `null` where `target_modules` is a regular expression, `all-linear` or missing. */
  readonly listed: readonly string[] | null;
  /** The regular expression; `null` where there is none or it cannot be followed. */
  readonly expression: string | null;
  /** `null`: cannot be told. */
  includes(module: string): boolean | null;
}

/**
 * Reads `target_modules` and what limits it (`exclude_modules`, `modules_to_save`, `layers_to_transform`), as
 * `check_target_module_exists` in peft/tuners/tuners_utils.py does: a list names modules by their full name or its last
 * parts, a string is a regular expression over the full name.
 */
export function readTargetModules(document: JsonDocument): TargetModules {
  const target = document.value('target_modules');
  const listed = Array.isArray(target) ? target.filter((name) => typeof name === 'string') : null;
  const isExpression = typeof target === 'string' && target !== 'all-linear';
  const pattern = isExpression ? readPattern(target) : null;
  const isExcluded = readExclusion(document);
  const isInLayers = readLayers(document);
  return {
    listed,
    expression: isExpression && pattern?.kind === 'pattern' ? target : null,
    includes(module) {
      const excluded = isExcluded(module);
      if (excluded !== false) return excluded === null ? null : false;
      if (pattern) return matchesExpression(pattern, module);
      if (!listed) return null;
      return listed.some((name) => isNamed(module, name)) ? isInLayers(module) : false;
    },
  };
}

/** PEFT's rule for names: the whole module name, or its end after a dot. */
export function isNamed(module: string, name: string): boolean {
  return module === name || module.endsWith(`.${name}`);
}

function matchesExpression(pattern: PatternOutcome, module: string): boolean | null {
  return pattern.kind === 'pattern' ? pattern.matches(module) : null;
}

function readExclusion(document: JsonDocument): (module: string) => boolean | null {
  const excluded = document.value('exclude_modules');
  const saved = document.value('modules_to_save');
  const savedNames = Array.isArray(saved) ? saved.filter((name) => typeof name === 'string') : [];
  const pattern = typeof excluded === 'string' && excluded !== '' ? readPattern(excluded) : null;
  const names = Array.isArray(excluded) ? excluded.filter((name) => typeof name === 'string') : [];
  return (module) => {
    // A module that is saved whole, or lies inside one, gets no adapter.
    if (savedNames.some((name) => `.${module}.`.includes(`.${name}.`))) return true;
    if (pattern) return matchesExpression(pattern, module);
    return names.some((name) => isNamed(module, name));
  };
}

function readLayers(document: JsonDocument): (module: string) => boolean | null {
  const wanted = document.value('layers_to_transform');
  const pattern = document.value('layers_pattern');
  const numbers: readonly unknown[] = Array.isArray(wanted) ? wanted : wanted === undefined ? [] : [wanted];
  const patterns: readonly unknown[] = Array.isArray(pattern) ? pattern : pattern ? [pattern] : [];
  if (numbers.length === 0) return () => true;
  // These are regular expressions too, but in practice the plain name of one part.
  if (!patterns.every((name) => typeof name === 'string' && /^\w+$/.test(name))) return () => null;
  return (module) => {
    const parts = module.split('.');
    const index = parts.findIndex((part, at) => {
      const inside = at >= 2 && at < parts.length - 1 && /^\d+$/.test(part);
      return inside && (patterns.length === 0 || patterns.includes(parts[at - 1]));
    });
    return index >= 0 && numbers.includes(Number(parts[index]));
  };
}

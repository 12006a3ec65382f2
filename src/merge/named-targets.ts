import type { Checkpoint } from '../format/checkpoint';
import { fitTargets } from '../model/adapter-fit';
import type { AdapterTarget } from '../model/adapters/family';
import type { AdapterDescription } from '../model/describe-adapter';
import { success, type Result } from '../protocol/result';
import { refuse } from './problems';

/** A target of an adapter with the name that its module has in the base. */
export interface NamedTarget {
  readonly target: AdapterTarget;
  readonly module: string;
}

/**
 * The targets of an adapter by dotted module names: its own, or those that its base has where it writes underscores or numbers.
 * Fails with `module-name-unknown`.
 */
export function namedTargets(
  { targets, config }: AdapterDescription,
  path: string,
  base: Checkpoint | null,
): Result<readonly NamedTarget[]> {
  const fits = base ? fitTargets(targets, base, config?.fanInFanOut ?? false) : [];
  const named: NamedTarget[] = [];
  for (const [index, target] of targets.entries()) {
    if (target.key.style === 'dotted') {
      named.push({ target, module: target.module });
      continue;
    }
    const fit = fits[index];
    if (fit?.kind !== 'fits') {
      const reason = fit ? fit.reason : 'the base tells, and none was named';
      const message = `${path}: which module "${target.module}" is, is not known: ${reason}.`;
      return refuse('module-name-unknown', path, message, target.module);
    }
    named.push({ target, module: fit.target.name.replace(/\.(?:weight|bias)$/, '') });
  }
  return success(named);
}

/** Why the targets cannot all be of one model, as a phrase; `null` where they are. A pipeline has several models. */
export function severalModels(targets: readonly NamedTarget[]): string | null {
  const parts = [...new Set(targets.map(({ target }) => target.key.component || 'unet'))].sort();
  return parts.length > 1 ? `it changes several models (${parts.join(', ')})` : null;
}

import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import type { ModuleKey } from './adapters/family';
import { bestNameChange, changeName, WRAPPER_PREFIXES, type NameChange } from './base-tensor';

/** A tensor of the base, and how it was found. */
export interface Found {
  readonly entry: TensorEntry;
  readonly reason: string;
}

/** Prefixes of a pipeline's parts in checkpoints that hold the whole of it (Stable Diffusion 1 and 2, SDXL). */
const PIPELINE_PREFIXES: Readonly<Record<string, readonly string[]>> = {
  unet: ['model.diffusion_model.', 'diffusion_model.', 'unet.'],
  text_encoder: ['cond_stage_model.transformer.', 'conditioner.embedders.0.transformer.', 'text_encoder.'],
  text_encoder_2: ['conditioner.embedders.1.model.', 'text_encoder_2.'],
};

/**
 * The modules of a base as adapters name them: by their own names under another prefix, or with underscores for dots
 * (kohya). `keys` are all names that will be asked for, so that one change of prefix is chosen for each part of a pipeline.
 */
export class BaseModules {
  private readonly byName: ReadonlyMap<string, TensorEntry>;
  private readonly changes = new Map<string, NameChange>();
  private flattened: ReadonlyMap<string, readonly string[]> | null = null;

  constructor(base: Checkpoint, keys: readonly ModuleKey[]) {
    this.byName = new Map(base.tensors.map((entry) => [entry.name, entry]));
    const dotted = keys.filter(({ style }) => style === 'dotted');
    for (const component of new Set(dotted.map((key) => key.component))) {
      const names = dotted.filter((key) => key.component === component).map(({ module }) => module);
      this.changes.set(
        component,
        bestNameChange(names, (name) => this.parameter(name, 'weight') !== undefined),
      );
    }
  }

  /** The tensor of a module's parameter, or why there is none: a phrase for a sentence. */
  find(key: ModuleKey, parameter: 'weight' | 'bias'): Found | { readonly reason: string } {
    return key.style === 'flattened' ? this.findFlattened(key, parameter) : this.findDotted(key, parameter);
  }

  private findDotted(key: ModuleKey, parameter: 'weight' | 'bias'): Found | { readonly reason: string } {
    const change = this.changes.get(key.component) ?? { remove: '', add: '' };
    const name = changeName(key.module, change);
    const entry = name === null ? undefined : this.parameter(name, parameter);
    if (entry) return { entry, reason: `matched by name${changeText(change)}` };
    for (const prefix of PIPELINE_PREFIXES[key.component] ?? []) {
      const inside = this.parameter(prefix + key.module, parameter);
      if (inside) return { entry: inside, reason: `matched by name after "${prefix}"` };
    }
    return { reason: this.missing(key, key.module) };
  }

  private findFlattened(key: ModuleKey, parameter: 'weight' | 'bias'): Found | { readonly reason: string } {
    const all = this.flattenedNames().get(key.module) ?? [];
    const own = all.filter((name) => isInComponent(name, key.component));
    const names = own.length > 0 ? own : all;
    const [first] = names;
    if (first === undefined) return { reason: this.missing(key, key.module) };
    if (names.length > 1) {
      const list = names.slice(0, 3).join(', ');
      return {
        reason: `"${key.module}" stands for several modules of the base with underscores for dots: ${list}`,
      };
    }
    const entry = this.parameter(first, parameter);
    if (!entry) return { reason: `the base’s ${first} has no ${parameter}` };
    return { entry, reason: 'matched by name with underscores for dots' };
  }

  /** A parameter is found as `module.weight`; a bare one (`experts.gate_up_proj`) by its own name. */
  private parameter(module: string, parameter: 'weight' | 'bias'): TensorEntry | undefined {
    const entry = this.byName.get(`${module}.${parameter}`);
    return entry ?? (parameter === 'weight' ? this.byName.get(module) : undefined);
  }

  private flattenedNames(): ReadonlyMap<string, readonly string[]> {
    if (this.flattened) return this.flattened;
    const names = new Map<string, string[]>();
    for (const module of this.modules()) {
      for (const short of shortNames(module)) {
        const flat = short.replaceAll('.', '_');
        const known = names.get(flat);
        if (!known) names.set(flat, [module]);
        else if (!known.includes(module)) known.push(module);
      }
    }
    this.flattened = names;
    return names;
  }

  private modules(): ReadonlySet<string> {
    return new Set([...this.byName.keys()].map((name) => name.replace(/\.(?:weight|bias)$/, '')));
  }

  private missing({ component }: ModuleKey, module: string): string {
    const nearest = nearestOf(module, this.modules());
    const where = component === '' ? '' : ` of the ${component}`;
    const near = nearest === null ? '' : `; nearest "${nearest}"`;
    return `no module "${module}"${where} in the base${near}`;
  }
}

/** The name as it is, and without each prefix of wrappers and pipelines that it has. */
function shortNames(module: string): readonly string[] {
  const prefixes = [...WRAPPER_PREFIXES, ...Object.values(PIPELINE_PREFIXES).flat()];
  return [
    module,
    ...prefixes.flatMap((prefix) => (module.startsWith(prefix) ? [module.slice(prefix.length)] : [])),
  ];
}

function isInComponent(name: string, component: string): boolean {
  return (PIPELINE_PREFIXES[component] ?? []).some((prefix) => name.startsWith(prefix));
}

function changeText({ remove, add }: NameChange): string {
  if (remove !== '' && add !== '') return `, with "${add}" for "${remove}"`;
  if (remove !== '') return `, without "${remove}"`;
  return add === '' ? '' : `, with "${add}" before it`;
}

/** The module that shares most pieces of its name, counted from both ends; `null` where none shares any. */
function nearestOf(module: string, modules: Iterable<string>): string | null {
  const wanted = module.split(/[._]/);
  let best: string | null = null;
  let most = 0;
  for (const name of modules) {
    const pieces = name.split(/[._]/);
    const shared = sharedEnds(wanted, pieces) - Math.abs(wanted.length - pieces.length) / 100;
    if (shared > most) [best, most] = [name, shared];
  }
  return best;
}

function sharedEnds(x: readonly string[], y: readonly string[]): number {
  const shorter = Math.min(x.length, y.length);
  let start = 0;
  while (start < shorter && x[start] === y[start]) start++;
  let end = 0;
  while (end < shorter - start && x.at(-1 - end) === y.at(-1 - end)) end++;
  return start + end;
}

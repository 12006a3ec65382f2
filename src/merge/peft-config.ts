import { compareNatural } from '../model/natural-order';

/** What a LoRA says of its modules. */
export interface ModuleSetting {
  readonly module: string;
  readonly rank: number;
  readonly alpha: number;
}

export interface PeftSettings {
  /** Of the configuration that it follows from; empty where there is none. */
  readonly fields: ReadonlyMap<string, unknown>;
  readonly modules: readonly ModuleSetting[];
  /** `base_model_name_or_path`; `null` where it is not known. */
  readonly baseName: string | null;
  readonly fanInFanOut: boolean;
  /** `target_modules`. */
  readonly targets: readonly string[];
  readonly modulesToSave: readonly string[];
  readonly bias: string;
}

/**
 * Text of the `adapter_config.json` of a LoRA whose modules have these ranks and alphas: the most frequent of each in `r` and
 * `lora_alpha`, the others by the module's whole name in `rank_pattern` and `alpha_pattern`. Longer names come first, since
 * PEFT takes the first that is the end of a module's name. Fields of another configuration are kept where nothing else is
 * known of them.
 */
export function peftConfig(settings: PeftSettings): string {
  const { fields, modules, baseName, fanInFanOut, targets, modulesToSave, bias } = settings;
  const rank = mostFrequent(modules.map((each) => each.rank)) ?? 8;
  const alpha = mostFrequent(modules.map((each) => each.alpha)) ?? rank;
  const longest = [...modules].sort(
    (x, y) => y.module.length - x.module.length || compareNatural(x.module, y.module),
  );
  const others = (of: (setting: ModuleSetting) => number, usual: number) =>
    Object.fromEntries(longest.filter((each) => of(each) !== usual).map((each) => [each.module, of(each)]));
  const config = {
    task_type: null,
    inference_mode: true,
    ...Object.fromEntries(fields),
    ...PLAIN,
    base_model_name_or_path: baseName,
    r: rank,
    lora_alpha: alpha,
    rank_pattern: others((each) => each.rank, rank),
    alpha_pattern: others((each) => each.alpha, alpha),
    target_modules: targets,
    modules_to_save: modulesToSave.length > 0 ? modulesToSave : null,
    fan_in_fan_out: fanInFanOut,
    bias,
  };
  return `${JSON.stringify(Object.fromEntries(Object.entries(config).sort(([x], [y]) => (x < y ? -1 : 1))), null, 2)}\n`;
}

/** What holds of every LoRA that is written here, whatever it was made from. */
const PLAIN = {
  peft_type: 'LORA',
  use_rslora: false,
  use_dora: false,
  init_lora_weights: true,
  layers_to_transform: null,
  layers_pattern: null,
  exclude_modules: null,
};

/**
 * `target_modules` for these modules: the last parts of their names where every module of the base that ends so is among them
 * (`known`: all modules that have a weight), else whole names.
 */
export function targetModules(modules: readonly string[], known: readonly string[]): readonly string[] {
  const wanted = new Set(modules);
  const lasts = [...new Set(modules.map((module) => module.split('.').at(-1) ?? module))];
  return lasts.sort(compareNatural).flatMap((last) => {
    const alike = known.filter((module) => module === last || module.endsWith(`.${last}`));
    if (alike.length > 0 && alike.every((module) => wanted.has(module))) return [last];
    return modules.filter((module) => module === last || module.endsWith(`.${last}`));
  });
}

function mostFrequent(values: readonly number[]): number | null {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((x, y) => y[1] - x[1])[0]?.[0] ?? null;
}

import { copiedTensor, heldTensor, type OutputTensor } from '../format/output-file';
import { compareNatural } from '../model/natural-order';
import type { WrittenLayout } from '../protocol/write';
import { encode } from '../tensor/encode';
import { peftNames } from './lora-module';
import type { NamedTarget } from './named-targets';
import { peftConfig, type ModuleSetting } from './peft-config';
import type { OpenedAdapter } from './resize';

export type LayoutModule = NamedTarget;

/** How a library writes a LoRA. */
export interface LayoutRules {
  readonly title: string;
  /** What its file is called. */
  readonly stem: string;
  /** Whether factors are stored as inputs × rank and rank × outputs. */
  readonly turned: boolean;
  namesOf(module: LayoutModule): readonly [a: string, b: string];
  /** Tensors of a module beside its factors. */
  besides(module: LayoutModule): readonly OutputTensor[];
  readonly saved: readonly OutputTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Text of the `adapter_config.json`; `null` where it has none. */
  readonly config: string | null;
}

/** The rules of a layout for these modules of an adapter. */
export function layoutFor(
  layout: WrittenLayout,
  modules: readonly LayoutModule[],
  opened: OpenedAdapter,
): LayoutRules {
  switch (layout) {
    case 'peft':
      return peft(modules, opened);
    case 'kohya':
      return kohya(modules);
    case 'diffusers':
      return diffusers(modules, opened);
    case 'mlx':
      return mlx(modules, opened);
  }
}

const NOTHING = { besides: () => [], saved: [], metadata: {}, turned: false } as const;

function peft(modules: readonly LayoutModule[], opened: OpenedAdapter): LayoutRules {
  const { adapter } = opened;
  return {
    ...NOTHING,
    title: 'PEFT',
    stem: 'adapter_model',
    namesOf: ({ module, target }) => peftNames(module, target.embedding),
    saved: adapter.saved.map(({ tensor, entry }) => copiedTensor(entry, `base_model.model.${tensor}`)),
    config: peftText(modules, opened),
  };
}

function peftText(modules: readonly LayoutModule[], { adapter, fields, baseName }: OpenedAdapter): string {
  const bias = fields.get('bias');
  return peftConfig({
    fields,
    modules: modules.map(settingOf),
    baseName,
    fanInFanOut: adapter.config?.fanInFanOut ?? false,
    targets: adapter.config?.targets ?? modules.map(({ module }) => module),
    modulesToSave: adapter.config?.modulesToSave ?? [],
    bias: typeof bias === 'string' ? bias : 'none',
  });
}

/** kohya's sd-scripts and LyCORIS (networks/lora.py): underscores for dots, alpha beside each pair. */
function kohya(modules: readonly LayoutModule[]): LayoutRules {
  const two = modules.some(({ target }) => target.key.component === 'text_encoder_2');
  const prefixes: Readonly<Record<string, string>> = {
    text_encoder: two ? 'lora_te1' : 'lora_te',
    text_encoder_2: 'lora_te2',
    text_encoder_3: 'lora_te3',
  };
  const nameOf = ({ module, target }: LayoutModule) =>
    `${prefixes[target.key.component] ?? 'lora_unet'}_${module.replaceAll('.', '_')}`;
  return {
    ...NOTHING,
    title: 'kohya',
    stem: 'lora',
    namesOf: (module) => [`${nameOf(module)}.lora_down.weight`, `${nameOf(module)}.lora_up.weight`],
    besides: (module) => [
      heldTensor(
        `${nameOf(module)}.alpha`,
        'F32',
        [],
        encode('F32', Float64Array.of(settingOf(module).alpha)),
      ),
    ],
    metadata: { ss_network_module: 'networks.lora' },
    config: null,
  };
}

/**
 * diffusers since 0.22: the component, then PEFT's endings. Ranks and alphas stand in the header under
 * `lora_adapter_metadata`, PEFT's configuration behind the name of the component (loaders/lora_base.py, since 0.34).
 */
function diffusers(modules: readonly LayoutModule[], opened: OpenedAdapter): LayoutRules {
  const componentOf = ({ target }: LayoutModule) => target.key.component || 'unet';
  const components = [...new Set(modules.map(componentOf))];
  const settings = components.flatMap((component) => {
    const own = modules.filter((module) => componentOf(module) === component);
    const fields = JSON.parse(peftText(own, opened)) as Record<string, unknown>;
    return Object.entries(fields).map(([key, value]) => [`${component}.${key}`, value] as const);
  });
  const nameOf = (module: LayoutModule) => `${componentOf(module)}.${module.module}`;
  return {
    ...NOTHING,
    title: 'diffusers',
    stem: 'pytorch_lora_weights',
    namesOf: (module) => [`${nameOf(module)}.lora_A.weight`, `${nameOf(module)}.lora_B.weight`],
    metadata: { lora_adapter_metadata: JSON.stringify(Object.fromEntries(settings)) },
    config: null,
  };
}

/** mlx-lm (mlx_lm/tuner/lora.py): x·a·b with a inputs × rank and b rank × outputs, one rank and scale for all. */
function mlx(modules: readonly LayoutModule[], { baseName }: OpenedAdapter): LayoutRules {
  const first = modules[0]?.target;
  const inLayer = modules.map(({ module }) => /^(.*?\.)?(\d+)\.(.+)$/.exec(module));
  const layers = new Set(inLayer.flatMap((match) => match?.[2] ?? []));
  const keys = [...new Set(inLayer.flatMap((match) => match?.[3] ?? []))].sort(compareNatural);
  const parameters = { rank: first?.storedRank ?? 0, scale: first?.scale ?? 1, dropout: 0, keys };
  const config = {
    fine_tune_type: 'lora',
    model: baseName,
    num_layers: layers.size,
    lora_parameters: parameters,
  };
  return {
    ...NOTHING,
    title: 'MLX',
    stem: 'adapters',
    turned: true,
    namesOf: ({ module }) => [`${module}.lora_a`, `${module}.lora_b`],
    config: `${JSON.stringify(config, null, 2)}\n`,
  };
}

/** The alpha by which alpha / rank is the exact scale of the module. */
function settingOf({ module, target }: LayoutModule): ModuleSetting {
  const rank = target.storedRank ?? 1;
  const alpha =
    target.alpha !== null && target.alpha / rank === target.scale ? target.alpha : target.scale * rank;
  return { module, rank, alpha };
}

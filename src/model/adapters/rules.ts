import type { TensorEntry } from '../../format/checkpoint';
import { readAdapterConfig, scaleOf, type AdapterConfig } from '../adapter-config';
import type { AdapterRules, ModuleTensors, TargetScale } from './family';

/** All that is known of an adapter beside the directory of its tensors. */
export interface AdapterSettings {
  /** PEFT's configuration; `null` where there is none. */
  readonly config: AdapterConfig | null;
  /** Fields of the `adapter_config.json`, whoever wrote it. */
  readonly fields: ReadonlyMap<string, unknown>;
  /** The checkpoint's own metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Values of the tensors of one element (alpha, scalar). */
  readonly scalars: ReadonlyMap<TensorEntry, number>;
}

/** Where the scale of an adapter comes from; `assumed`: from nowhere, so that norms hold up to a common factor. */
export type ScaleOrigin = 'configuration' | 'tensors' | 'metadata' | 'assumed';

/** {@link AdapterRules} of an adapter, and where its scale comes from once it was asked for. */
export class SettingsRules implements AdapterRules {
  readonly origins = new Set<ScaleOrigin>();
  private readonly byComponent = new Map<string, AdapterConfig | null>();

  constructor(
    private readonly settings: AdapterSettings,
    private readonly sharedParts: ReadonlyMap<string, TensorEntry>,
  ) {}

  /**
   * PEFT: its configuration with patterns. mlx-lm: `lora_parameters.scale` multiplies the product as it is. kohya and LyCORIS:
   * the tensor `alpha` over the rank of the tensors. diffusers and llama.cpp: what the file's metadata say. Else alpha = rank.
   */
  scaleOf(tensors: ModuleTensors, storedRank: number): TargetScale {
    const { config } = this.settings;
    const { module, component } = tensors.key;
    const alpha = this.scalar(tensors.parts.get('alpha'));
    if (config) return this.from('configuration', scaleOf(config, module));
    const fixed = this.mlxScale();
    if (fixed !== null)
      return this.from('configuration', { rank: storedRank, alpha: fixed * storedRank, scale: fixed });
    if (alpha !== null) return this.from('tensors', byAlpha(alpha, storedRank));
    const hub = this.hubAlpha();
    if (hub !== null) return this.from('configuration', byAlpha(hub, storedRank));
    const described = this.componentConfig(component);
    if (described) return this.from('metadata', scaleOf(described, module));
    const whole = Number(this.settings.metadata['adapter.lora.alpha'] ?? NaN);
    if (Number.isFinite(whole) && whole !== 0) return this.from('metadata', byAlpha(whole, storedRank));
    return this.from('assumed', byAlpha(storedRank, storedRank));
  }

  scalar(entry: TensorEntry | undefined): number | null {
    return (entry && this.settings.scalars.get(entry)) ?? null;
  }

  shared(part: string): TensorEntry | undefined {
    return this.sharedParts.get(part);
  }

  field(name: string): unknown {
    return this.settings.fields.get(name);
  }

  private from(origin: ScaleOrigin, scale: TargetScale): TargetScale {
    this.origins.add(origin);
    return scale;
  }

  /** AdapterHub keeps alpha in the field `config` of its configuration, and adds (alpha / r)·B·A. */
  private hubAlpha(): number | null {
    const config = this.field('config');
    if (typeof config !== 'object' || config === null || this.field('model_class') === undefined) return null;
    const { alpha } = config as Record<string, unknown>;
    return typeof alpha === 'number' && alpha !== 0 ? alpha : null;
  }

  private mlxScale(): number | null {
    const parameters = this.field('lora_parameters');
    if (typeof parameters !== 'object' || parameters === null) return null;
    const { scale, alpha, rank } = parameters as Record<string, unknown>;
    if (typeof scale === 'number') return scale;
    return typeof alpha === 'number' && typeof rank === 'number' && rank > 0 ? alpha / rank : null;
  }

  /** diffusers writes the configuration of every component into the header, its keys behind the component's name. */
  private componentConfig(component: string): AdapterConfig | null {
    const known = this.byComponent.get(component);
    if (known !== undefined) return known;
    const config = readComponent(this.settings.metadata['lora_adapter_metadata'], component);
    this.byComponent.set(component, config);
    return config;
  }
}

function byAlpha(alpha: number, rank: number): TargetScale {
  return { rank, alpha, scale: alpha / rank };
}

function readComponent(text: string | undefined, component: string): AdapterConfig | null {
  if (text === undefined) return null;
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const names = component === 'unet' || component === '' ? ['unet', 'transformer'] : [component];
  for (const name of names) {
    const own = Object.entries(fields).flatMap(([key, value]): [string, unknown][] =>
      key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), value]] : [],
    );
    const described = { peft_type: 'LORA', ...Object.fromEntries(own) };
    const config = own.length > 0 ? readAdapterConfig(JSON.stringify(described), name) : null;
    if (config?.ok) return config.value;
  }
  return null;
}

import type { TensorEntry } from '../format/checkpoint';
import type { AdapterSummary } from '../protocol/checkpoint';
import type { Finding } from '../protocol/finding';
import { scaleOf, type AdapterConfig, type ModuleScale } from './adapter-config';
import { modelFinding } from './finding-codes';
import { compareNatural } from './natural-order';
import { isSavedWhole, parsePeftTensorName } from './peft-names';

/** Both factors of one module of a LoRA adapter. */
export interface AdapterModule extends ModuleScale {
  /** The base's module, without `.weight`. */
  readonly module: string;
  /** r × n */
  readonly a: TensorEntry;
  /** m × r */
  readonly b: TensorEntry;
  /** The rank that the tensors have; `rank` is the configured one, by which PEFT scales. */
  readonly storedRank: number;
  /** An embedding's factors, which PEFT stores transposed. */
  readonly embedding: boolean;
}

/** An adapter as its configuration and its tensors describe it. */
export interface AdapterDescription {
  readonly config: AdapterConfig;
  /** In natural order of their names. Empty where {@link AdapterConfig.refusal} says why. */
  readonly modules: readonly AdapterModule[];
  /** Parameters of the base that were trained and saved whole, by their names in the base. */
  readonly saved: readonly { readonly tensor: string; readonly entry: TensorEntry }[];
  /** Tensors that belong to no task vector, with the reason. */
  readonly unplaced: readonly { readonly tensor: string; readonly reason: string }[];
  readonly findings: readonly Finding[];
  /** What it says of itself; the base's path is not known here. */
  readonly summary: Omit<AdapterSummary, 'basePath'>;
}

interface Pair {
  a?: TensorEntry;
  b?: TensorEntry;
  embedding: boolean;
}

/**
 * Pairs the factors of an adapter and checks them against its configuration. Total: whatever does not fit becomes a
 * finding or an unplaced tensor. `path` is the file the findings belong to.
 */
export function describeAdapter(
  config: AdapterConfig,
  tensors: readonly TensorEntry[],
  path: string,
): AdapterDescription {
  const sorting = new Sorting(path);
  for (const entry of tensors) sorting.sort(entry, config);
  const modules: AdapterModule[] = [];
  for (const [module, pair] of sorting.pairs) {
    const described = sorting.pairUp(config, module, pair);
    if (described) modules.push(described);
  }
  modules.sort((x, y) => compareNatural(x.module, y.module));
  return {
    config,
    modules,
    saved: sorting.saved,
    unplaced: sorting.unplaced,
    findings: [...sorting.findings, ...rankFindings(modules, path)],
    summary: summarise(config, modules),
  };
}

/** One finding for all modules whose ranks disagree in the same way: mostly that is one wrong `r`. */
function rankFindings(modules: readonly AdapterModule[], path: string): Finding[] {
  const groups = new Map<string, AdapterModule[]>();
  for (const each of modules) {
    if (each.rank === each.storedRank) continue;
    const ranks = `the configuration says rank ${String(each.rank)}, the tensors have ${String(each.storedRank)}`;
    groups.set(ranks, [...(groups.get(ranks) ?? []), each]);
  }
  return [...groups].map(([ranks, group]) => {
    const first = group[0]?.module ?? '';
    const who = group.length === 1 ? first : `${first} and ${String(group.length - 1)} more`;
    const message = `${who}: ${ranks}. The scale is taken from the configuration.`;
    return modelFinding('rank-mismatch', path, message, first);
  });
}

class Sorting {
  readonly pairs = new Map<string, Pair>();
  readonly saved: { tensor: string; entry: TensorEntry }[] = [];
  readonly unplaced: { tensor: string; reason: string }[] = [];
  readonly findings: Finding[] = [];

  constructor(private readonly path: string) {}

  sort(entry: TensorEntry, config: AdapterConfig): void {
    const parsed = parsePeftTensorName(entry.name);
    if (config.refusal !== null) return this.leaveOut(entry, config.refusal);
    if (!parsed || parsed.module === '') return this.leaveOut(entry, 'not a name of a LoRA adapter');
    const { module, factor } = parsed;
    if (isSavedWhole(factor)) {
      this.saved.push({ tensor: `${module}.${factor}`, entry });
      return;
    }
    const match = /^lora_(embedding_)?([AB])$/.exec(factor);
    if (!match) return this.leaveOut(entry, `"${factor}" is no factor of a product s·B·A`);
    const pair = this.pairs.get(module) ?? { embedding: match[1] !== undefined };
    const side = match[2] === 'A' ? 'a' : 'b';
    if (pair[side]) return this.leaveOut(entry, `${module} has more than one ${factor}`);
    pair[side] = entry;
    this.pairs.set(module, pair);
  }

  pairUp(config: AdapterConfig, module: string, pair: Pair): AdapterModule | null {
    const { a, b, embedding } = pair;
    if (!a || !b) {
      const [there, missing] = a ? ['lora_A', 'lora_B'] : ['lora_B', 'lora_A'];
      this.report('lora-factor-missing', module, `${module} has ${there} but no ${missing}.`);
      return this.leaveOutBoth(pair, `${missing} is missing`);
    }
    if (a.span.shape.length !== 2 || b.span.shape.length !== 2) {
      const shapes = `lora_A ${shapeText(a.span.shape)}, lora_B ${shapeText(b.span.shape)}`;
      this.report(
        'adapter-kind-unsupported',
        module,
        `${module} is a convolution (${shapes}); only matrices are taken yet.`,
      );
      return this.leaveOutBoth(pair, 'factors of a convolution are not taken yet');
    }
    const storedRank = a.span.shape[0] ?? 0;
    if (storedRank !== b.span.shape[1]) {
      const shapes = `${shapeText(a.span.shape)} and ${shapeText(b.span.shape)}`;
      this.report(
        'lora-factors-disagree',
        module,
        `lora_A and lora_B of ${module} are ${shapes}: their ranks differ.`,
      );
      return this.leaveOutBoth(pair, 'lora_A and lora_B have different ranks');
    }
    return { module, a, b, storedRank, embedding, ...scaleOf(config, module) };
  }

  private report(code: Parameters<typeof modelFinding>[0], module: string, message: string): void {
    this.findings.push(modelFinding(code, this.path, message, module));
  }

  private leaveOut(entry: TensorEntry, reason: string): void {
    this.unplaced.push({ tensor: entry.name, reason });
  }

  private leaveOutBoth({ a, b }: Pair, reason: string): null {
    if (a) this.leaveOut(a, reason);
    if (b) this.leaveOut(b, reason);
    return null;
  }
}

function summarise(
  config: AdapterConfig,
  modules: readonly AdapterModule[],
): Omit<AdapterSummary, 'basePath'> {
  const known = config.refusal === null;
  return {
    kind: config.kind,
    rank: known
      ? rangeText(
          modules.map(({ storedRank }) => storedRank),
          config.rank,
        )
      : '',
    alpha: known
      ? rangeText(
          modules.map(({ alpha }) => alpha),
          config.alpha,
        )
      : '',
    scale: known
      ? rangeText(
          modules.map(({ scale }) => scale),
          scaleOf(config, '').scale,
        )
      : '',
    targets: config.targets,
    baseName: config.baseName,
  };
}

function rangeText(values: readonly number[], otherwise: number): string {
  const distinct = [...new Set(values.length > 0 ? values : [otherwise])].sort((x, y) => x - y);
  const ends = distinct.length > 1 ? [distinct.at(0), distinct.at(-1)] : distinct;
  return ends.map((value) => String(Number((value ?? 0).toPrecision(6)))).join('–');
}

/** `64x128`; a scalar is `scalar`. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join('x');
}

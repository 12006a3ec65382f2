import type { Layout } from '../model/adapters/family';
import { placeOf } from '../model/naming';
import type { Table } from '../protocol/artifact';
import type { AdapterTask } from './adapter-tasks';
import { namesText } from './wording';

/** Whether a program takes an adapter as it lies there. */
export interface Verdict {
  readonly loads: 'yes' | 'with an option' | 'after conversion' | 'in part' | 'at another scale' | 'no';
  /** A sentence. */
  readonly reason: string;
}

/** What decides whether a program takes an adapter. */
interface Traits {
  /** Distinct kinds of its targets: `LoRA`, `DoRA`, `LoHa`, ... */
  readonly kinds: readonly string[];
  readonly layout: Layout | null;
  readonly hasConfig: boolean;
  /** Whole-adapter kinds (prompts, bottlenecks) have no targets. */
  readonly hasTargets: boolean;
  readonly saved: readonly string[];
  readonly ranks: readonly number[];
  readonly isRsLora: boolean;
  readonly hasPatterns: boolean;
  readonly isOfDiffusion: boolean;
  /** PEFT's names with the adapter's own name inside (`lora_A.default.weight`). */
  readonly namesItself: boolean;
}

interface Consumer {
  readonly name: string;
  readonly source: string;
  readonly judge: (traits: Traits) => Verdict;
}

const PLAIN: ReadonlySet<string> = new Set(['LoRA', 'LoCon']);
/** Ranks above which a server must be started with another limit, and the largest that it takes. */
const VLLM_DEFAULT = 16;
const VLLM_MOST = 512;
const DIFFUSION: ReadonlySet<Layout> = new Set(['kohya', 'diffusers', 'LyCORIS', 'cloneofsimo']);
/** A module of a pipeline's part: of kohya's flattened names the component says it. */
const COMPONENT = /^(?:unet|transformer|text_encoder|te\d?|lora_unet|lora_te)/;

const no = (reason: string): Verdict => ({ loads: 'no', reason });

function others({ kinds }: Traits): string {
  return namesText(kinds.filter((kind) => !PLAIN.has(kind)));
}

function isPlain({ kinds, hasTargets }: Traits): boolean {
  return hasTargets && kinds.every((kind) => PLAIN.has(kind));
}

const CONSUMERS: readonly Consumer[] = [
  {
    name: 'PEFT',
    source: 'https://huggingface.co/docs/peft/developer_guides/checkpoint',
    judge: ({ hasConfig, layout }) => {
      if (hasConfig && (layout === 'PEFT' || layout === null))
        return { loads: 'yes', reason: 'Names and adapter_config.json are those of PEFT.' };
      const why = hasConfig
        ? `the tensors are named as ${layout ?? 'nobody'} names them`
        : 'there is no adapter_config.json with a "peft_type" beside it, from which PEFT takes rank, alpha and targets';
      return { loads: 'after conversion', reason: `Not as it is: ${why}.` };
    },
  },
  {
    name: 'vLLM',
    source: 'https://github.com/vllm-project/vllm/blob/main/vllm/lora/peft_helper.py',
    judge: (traits) => {
      const { hasConfig, saved, ranks, hasPatterns, layout, isOfDiffusion } = traits;
      if (isOfDiffusion) return no('It serves language models; this adapts a diffusion model.');
      if (!isPlain(traits)) return no(`It takes plain LoRA only, not ${others(traits) || 'this kind'}.`);
      if (saved.length > 0) return no(`It refuses modules_to_save; this saves ${namesText(saved, 3)} whole.`);
      if (!hasConfig || layout !== 'PEFT')
        return { loads: 'after conversion', reason: 'It reads PEFT’s names and adapter_config.json only.' };
      const most = Math.max(...ranks);
      if (most > VLLM_MOST) return no(`Rank ${String(most)} is above ${String(VLLM_MOST)}, its most.`);
      if (hasPatterns)
        return {
          loads: 'at another scale',
          reason: 'It scales every module by lora_alpha and r: rank_pattern and alpha_pattern are not read.',
        };
      if (most > VLLM_DEFAULT)
        return {
          loads: 'with an option',
          reason: `Rank ${String(most)} needs --max-lora-rank; 16 is the default.`,
        };
      return { loads: 'yes', reason: 'Plain LoRA in PEFT’s layout, nothing saved whole, rank at most 16.' };
    },
  },
  {
    name: 'llama.cpp (GGUF)',
    source: 'https://github.com/ggml-org/llama.cpp/blob/master/convert_lora_to_gguf.py',
    judge: (traits) => {
      const { layout, hasConfig, saved, isRsLora, hasPatterns, isOfDiffusion, namesItself } = traits;
      if (isOfDiffusion) return no('It runs language models; this adapts a diffusion model.');
      if (layout === 'GGUF') return { loads: 'yes', reason: 'The names are those of a GGUF adapter.' };
      if (!isPlain(traits))
        return no(
          `The converter ends at tensors that are neither lora_A nor lora_B: ${others(traits) || 'this kind'}.`,
        );
      const kept = saved.filter((tensor) => placeOf(tensor).role !== 'norm');
      if (kept.length > 0) return no(`The converter ends at tensors saved whole: ${namesText(kept, 3)}.`);
      if (layout !== 'PEFT' || !hasConfig || namesItself)
        return no(
          'The converter reads PEFT’s names (lora_A.weight) and adapter_config.json only: convert to these first.',
        );
      if (isRsLora || hasPatterns)
        return {
          loads: 'at another scale',
          reason: `convert_lora_to_gguf.py keeps one alpha, and alpha over rank is the scale: ${isRsLora ? 'rsLoRA scales by alpha/√r' : 'alphas of single modules are lost'}.`,
        };
      return {
        loads: 'after conversion',
        reason: 'convert_lora_to_gguf.py takes it, if it knows the architecture.',
      };
    },
  },
  {
    name: 'diffusers',
    source: 'https://huggingface.co/docs/diffusers/api/loaders/lora',
    judge: (traits) => {
      const { kinds, isOfDiffusion, layout } = traits;
      if (!isOfDiffusion)
        return no('Its modules are not those of a pipeline (unet, transformer, text encoder).');
      const odd = kinds.filter((kind) => !PLAIN.has(kind) && !kind.startsWith('DoRA'));
      if (odd.length > 0) return no(`It loads LoRA and LoCon, not ${namesText(odd)}.`);
      if (kinds.some((kind) => kind.startsWith('DoRA')) && layout !== 'PEFT')
        return {
          loads: 'in part',
          reason: 'dora_scale is left out while loading, so the magnitudes are lost.',
        };
      if (layout === 'kohya' || layout === 'LyCORIS')
        return { loads: 'yes', reason: 'kohya’s names are converted while loading, each alpha kept.' };
      if (layout === 'cloneofsimo')
        return { loads: 'after conversion', reason: 'Lists of numbered factors name no modules.' };
      return { loads: 'yes', reason: 'The names are those of its pipelines.' };
    },
  },
  {
    name: 'MLX (mlx-lm)',
    source: 'https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/tuner/utils.py',
    judge: (traits) => {
      const { layout, ranks, isOfDiffusion } = traits;
      if (isOfDiffusion) return no('It runs language models; this adapts a diffusion model.');
      if (!isPlain(traits) && others(traits) !== 'DoRA')
        return no(`It takes LoRA and DoRA, not ${others(traits) || 'this kind'}.`);
      if (layout === 'MLX') return { loads: 'yes', reason: 'The names are those of mlx-lm.' };
      if (new Set(ranks).size > 1)
        return no('It has one rank for all modules (lora_parameters); the ranks of this one differ.');
      return {
        loads: 'after conversion',
        reason:
          'It wants lora_a and lora_b, turned, in adapters.safetensors, and num_layers and lora_parameters in the configuration; other names are passed over in silence.',
      };
    },
  },
];

function traitsOf({ task, adapter }: AdapterTask): Traits {
  const { description } = adapter;
  const { targets, layout, config, saved } = description;
  const named = targets.find(({ module, key }) => COMPONENT.test(key.component) || COMPONENT.test(module));
  return {
    kinds: [...new Set(targets.map(({ title }) => title.replace(/ \(Tucker\)$/, '')))].sort(),
    layout,
    hasConfig: config !== null,
    hasTargets: targets.length > 0,
    saved: saved.map(({ tensor }) => tensor),
    ranks: targets.flatMap(({ storedRank }) => storedRank ?? []),
    isRsLora: config?.rsLora ?? false,
    hasPatterns: config !== null && config.rankPattern.length + config.alphaPattern.length > 0,
    isOfDiffusion: named !== undefined || (layout !== null && DIFFUSION.has(layout)),
    namesItself: task.checkpoint.tensors.some(({ name }) => /\.lora_[AB]\.[^.]+\.weight$/.test(name)),
  };
}

/** Which programs load an adapter, each with the reason. */
export function verdicts(task: AdapterTask): readonly (Verdict & Omit<Consumer, 'judge'>)[] {
  const traits = traitsOf(task);
  return CONSUMERS.map(({ name, source, judge }) => ({ name, source, ...judge(traits) }));
}

/** One row per program. */
export function consumerTable(task: AdapterTask, suffix: string): Table {
  return {
    kind: 'table',
    id: `compatibility${suffix}`,
    title: `Where it loads · ${task.name}`,
    facets: { task: task.name },
    caption:
      'By names, kinds and configuration, as the programs’ own sources and documents said in 2026; whether the program knows the base’s architecture is not checked.',
    columns: [
      { name: 'consumer', title: 'Program', type: 'text' },
      { name: 'loads', title: 'Loads', type: 'text' },
      { name: 'reason', title: 'Reason', type: 'text' },
      { name: 'source', title: 'Source', type: 'text' },
    ],
    rows: verdicts(task).map(({ name, loads, reason, source }) => [name, loads, reason, source]),
  };
}

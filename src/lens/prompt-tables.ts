import type { Table, TableCell, TableColumn } from '../protocol/artifact';
import { singularValues } from '../tensor/linear/svd';
import type { ReadPrompt } from './prompt-models';
import { cosineOf, meanVector, positionCosines, rowSquares, type PromptPair } from './prompt-pairs';
import { NEAREST, type PromptVocabulary } from './prompt-vocabulary';
import { spectralFigures } from './spectral-figures';

/** What artifacts are made of. */
export interface PromptView {
  readonly prompts: readonly ReadPrompt[];
  /** n × n; `null` for different widths. */
  readonly pairs: readonly (PromptPair | null)[];
  readonly groups: readonly number[];
  readonly vocabulary: PromptVocabulary | null;
}

/** From here on two vectors say the same. */
export const SAME = 0.95;

/** What single prompts are like. */
export interface PromptFigures {
  /** Mean ‖p‖. */
  readonly length: number;
  /** Over the mean length of token embeddings; `null` without. */
  readonly ratio: number | null;
  /** exp(entropy of σ/Σσ) of its vectors. */
  readonly effectiveRank: number | null;
  /** Vectors with a cosine of at least {@link SAME} with an earlier one. */
  readonly repeated: number;
  /** Mean cosine of its vectors with their nearest token. */
  readonly nearest: number | null;
  /** cos(key, mean vector). */
  readonly agreement: number | null;
}

/** Figures of one prompt by itself and beside the vocabulary. */
export function promptFigures(prompt: ReadPrompt, vocabulary: PromptVocabulary | null): PromptFigures {
  const { vectors, key } = prompt;
  const lengths = rowSquares(vectors).map(Math.sqrt);
  const length = lengths.reduce((sum, value) => sum + value, 0) / lengths.length;
  const cosines = positionCosines(vectors);
  const repeated = Array.from({ length: vectors.rows }, (_, i) =>
    cosines.slice(i * vectors.rows, i * vectors.rows + i).some((value) => (value ?? 0) >= SAME),
  ).filter(Boolean).length;
  const nearest = vocabulary?.nearest.get(prompt)?.flatMap(({ cosines: own }) => own.slice(0, 1)) ?? [];
  return {
    length,
    ratio: nearest.length > 0 && vocabulary && vocabulary.mean > 0 ? length / vocabulary.mean : null,
    effectiveRank: spectralFigures(singularValues(vectors).values).effective_rank,
    repeated,
    nearest: nearest.length > 0 ? nearest.reduce((sum, value) => sum + value, 0) / nearest.length : null,
    agreement: key ? cosineOf(key, meanVector(vectors)) : null,
  };
}

const ROLES: Readonly<Record<ReadPrompt['prompt']['role'], string>> = {
  input: 'before the input',
  layer: 'inside a layer',
  keys: 'before keys or values',
};

/** One row per prompt. */
export function promptTable({ prompts, groups, vocabulary }: PromptView): Table {
  return {
    kind: 'table',
    id: 'prompts',
    title: 'Prompts',
    caption: `Repeated: vectors with a cosine of at least ${String(SAME)} with an earlier one. Nearest: mean cosine of the vectors with their nearest token. Gate: the stored factor, of which LLaMA-Adapter takes tanh. Key: cosine of the key of a pool with the mean vector. Group: the cut of the dendrogram with the largest mean silhouette.`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'prompt', title: 'Prompt', type: 'text' },
      { name: 'role', title: 'Where', type: 'text' },
      { name: 'tokens', title: 'Vectors', type: 'integer' },
      { name: 'width', title: 'Width', type: 'integer' },
      { name: 'length', title: 'Mean ‖p‖', type: 'number' },
      { name: 'relative_length', title: 'Over tokens’', type: 'number' },
      { name: 'effective_rank', title: 'Effective rank', type: 'number' },
      { name: 'repeated', title: 'Repeated', type: 'integer' },
      { name: 'nearest', title: 'Nearest', type: 'number' },
      { name: 'gate', title: 'Gate', type: 'number' },
      { name: 'key', title: 'Key', type: 'number' },
      { name: 'group', title: 'Group', type: 'integer' },
    ],
    rows: prompts.map((prompt, at): TableCell[] => {
      const { length, ratio, effectiveRank, repeated, nearest, agreement } = promptFigures(
        prompt,
        vocabulary,
      );
      const { label, role, tokens, width } = prompt.prompt;
      return [
        prompt.task, label, ROLES[role], tokens, width, length, ratio, effectiveRank, repeated, nearest, prompt.gate,
        agreement, groups[at] ?? null,
      ]; // prettier-ignore
    }),
  };
}

/** One row per vector, with the tokens nearest to it where a base is there. */
export function nearestTable({ prompts, vocabulary }: PromptView): Table {
  const near = Array.from({ length: vocabulary ? NEAREST : 0 }, (_, at): TableColumn[] => [
    { name: `token${String(at + 1)}`, title: `Token ${String(at + 1)}`, type: 'integer' },
    { name: `cosine${String(at + 1)}`, title: 'Cosine', type: 'number' },
  ]).flat();
  return {
    kind: 'table',
    id: 'positions',
    title: 'Vectors of the prompts',
    caption: vocabulary
      ? `Nearest rows of ${vocabulary.entry.name} by cosine: the numbers of tokens, whose texts the tokenizer knows.`
      : 'Nearest tokens need the base, and prompts that stand before its input.',
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'prompt', title: 'Prompt', type: 'text' },
      { name: 'position', title: 'Position', type: 'integer' },
      { name: 'length', title: '‖p‖', type: 'number' },
      ...near,
    ],
    rows: prompts.flatMap((prompt) => {
      const lengths = rowSquares(prompt.vectors).map(Math.sqrt);
      const nearest = vocabulary?.nearest.get(prompt);
      return Array.from(lengths, (length, position): TableCell[] => [
        prompt.task,
        prompt.prompt.label,
        position,
        length,
        ...Array.from({ length: near.length / 2 }, (_, at): TableCell[] => [
          nearest?.[position]?.rows[at] ?? null,
          nearest?.[position]?.cosines[at] ?? null,
        ]).flat(),
      ]);
    }),
  };
}

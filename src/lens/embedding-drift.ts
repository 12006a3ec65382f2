import { modelFinding, refuse } from '../model/finding-codes';
import { vocabularyMatrices } from '../model/vocabulary';
import type { Finding } from '../protocol/finding';
import type { LensDescription, ParameterValues } from '../protocol/lens';
import { cancelled, success, type Result } from '../protocol/result';
import { embeddingArtifacts } from './embedding-artifacts';
import {
  embeddingFigures,
  keptShare,
  movedOrder,
  type EmbeddingFigures,
  type NeighbourChange,
} from './embedding-figures';
import { rowPairs, type RowPair } from './embedding-tensors';
import type { Lens, LensContext } from './lens';
import { nearestRows } from './nearest-rows';
import { checkNeeds, checkTaskVectors } from './needs';
import { pause } from './pause';
import { partOf } from './progress-part';
import { rowDrift, type RowDrift } from './row-drift';
import { wholeText } from './wording';
import { SplitMix64 } from '../tensor/split-mix';

const description: LensDescription = {
  id: 'embedding-drift',
  version: 1,
  title: 'Which tokens were learned anew?',
  summary:
    'Finds the rows of embeddings and output heads that a fine-tune moved most, whether their nearest neighbours changed, and what a resized vocabulary added.',
  formula: '‖τᵣ‖ = ‖θᵣ − θ₀ᵣ‖ and cos(θ₀ᵣ, θᵣ) per row r;  nearest row: argmax_s cos(θᵣ, θₛ), before and after',
  reading:
    'A row is a token (or a class of a head). Rows that moved far are tokens which the fine-tune used often or in a new sense; rows of tokens that never occurred do not move at all, unless weight decay moves all of them alike. A row may move far and keep its neighbours: then its whole neighbourhood moved along. Row numbers are token ids; the tokenizer has their texts.',
  source: [
    {
      title: 'Convolutional Neural Networks for Sentence Classification (Kim 2014), section 4.2',
      link: 'https://arxiv.org/abs/1408.5882',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 1 }, factored: true, parts: ['vocabulary'] },
  parameters: [
    { name: 'top', title: 'Rows listed', help: 'How many of the rows that moved most are listed.', type: 'number', default: 50, minimum: 1, maximum: 10_000, integer: true },
    { name: 'sample', title: 'Rows at random', help: 'How many rows are picked at random to compare their nearest rows; as many of those that moved most are taken, too.', type: 'number', default: 32, minimum: 0, maximum: 1000, integer: true },
    { name: 'neighbours', title: 'Nearest rows', help: 'How many nearest rows are compared.', type: 'number', default: 5, minimum: 1, maximum: 100, integer: true },
    { name: 'seed', title: 'Seed', help: 'The same seed picks the same rows.', type: 'number', default: 0, minimum: 0, integer: true },
  ],
}; // prettier-ignore

/** Rows of embeddings and heads: how far they moved, and whether their neighbours changed. */
export const embeddingDrift: Lens = {
  description,
  async run(study, parameters, context) {
    const needs = checkNeeds(study, description);
    if (!needs.ok) return needs;
    if (vocabularyMatrices(study.base?.tensors ?? []).length === 0) {
      const path = study.base?.path ?? '';
      return refuse('embedding-missing', path, `${path} has no tensor that is named as a token embedding or an output head.`);
    }
    const figures: EmbeddingFigures[] = [];
    const findings: Finding[] = [];
    let bytesRead = 0;
    for (const [index, task] of study.tasks.entries()) {
      const pairs = await rowPairs(study, task);
      if (!pairs.ok) return pairs;
      for (const [at, pair] of pairs.value.entries()) {
        await pause();
        if (context.signal.aborted) return cancelled();
        const share = 1 / (study.tasks.length * pairs.value.length);
        const start = index / study.tasks.length + at * share;
        const own = await figuresOf(pair, parameters, partOf(context, start, Math.min(1, start + share)));
        if (!own.ok) return own;
        figures.push(own.value.figures);
        bytesRead += own.value.bytesRead;
        if (own.value.figures.odd > 0) {
          const message = `${task.name}: ${pair.base.name}: ${wholeText(own.value.figures.odd)} rows hold NaN or infinities and are left out.`;
          findings.push(modelFinding('task-tensor-not-finite', task.checkpoint.path, message, pair.base.name));
        }
      }
    }
    if (figures.length === 0) {
      const something = checkTaskVectors(study);
      if (!something.ok) return something;
      const message = `No task of "${study.spec.name}" changes a token embedding or an output head.`;
      return refuse('embedding-missing', study.base?.path ?? '', message);
    }
    return success({ artifacts: embeddingArtifacts(figures), findings, bytesRead });
  },
}; // prettier-ignore

async function figuresOf(
  pair: RowPair,
  parameters: ParameterValues,
  context: LensContext,
): Promise<Result<{ figures: EmbeddingFigures; bytesRead: number }>> {
  const drift = await rowDrift(pair, partOf(context, 0, 0.4));
  if (!drift.ok) return drift;
  const changes = await neighbourChanges(drift.value, parameters, partOf(context, 0.4, 1));
  if (!changes.ok) return changes;
  const figures = embeddingFigures(drift.value, Number(parameters['top'] ?? 50), changes.value);
  const again = changes.value.length > 0 ? drift.value.bytesRead : 0;
  return success({ figures, bytesRead: drift.value.bytesRead + again });
}

async function neighbourChanges(
  drift: RowDrift,
  parameters: ParameterValues,
  context: LensContext,
): Promise<Result<NeighbourChange[]>> {
  const sample = Number(parameters['sample'] ?? 32);
  const most = Number(parameters['neighbours'] ?? 5);
  const order = movedOrder(drift);
  const moved = order.filter((row) => (drift.moved[row] ?? 0) > 0).slice(0, sample);
  const random = seededRows(order, sample, Number(parameters['seed'] ?? 0));
  const rows = [...moved, ...random];
  if (rows.length === 0) return success([]);
  const before = await nearestRows(drift.pair, 'before', rows, most, partOf(context, 0, 0.5));
  if (!before.ok) return before;
  const after = await nearestRows(drift.pair, 'after', rows, most, partOf(context, 0.5, 1));
  if (!after.ok) return after;
  const nothing = { rows: [], cosines: [] };
  return success(
    rows.map((row, index): NeighbourChange => {
      const [old, now] = [before.value[index] ?? nothing, after.value[index] ?? nothing];
      const picked = index < moved.length ? 'moved' : 'random';
      return { row, picked, before: old, after: now, kept: keptShare(old, now) };
    }),
  );
}

/** Different rows picked at random, ascending; the same for the same seed (Fisher–Yates). */
function seededRows(rows: readonly number[], count: number, seed: number): number[] {
  const left = [...rows].sort((a, b) => a - b);
  const random = new SplitMix64(seed);
  const most = Math.min(count, left.length);
  for (let at = 0; at < most; at++) {
    const other = at + random.below(left.length - at);
    [left[at], left[other]] = [left[other] ?? 0, left[at] ?? 0];
  }
  return left.slice(0, most).sort((a, b) => a - b);
}

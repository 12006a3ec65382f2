import type { Note, Table, TableCell } from '../protocol/artifact';
import { verdicts } from './adapter-consumers';
import type { Health } from './adapter-health';
import { sizeText, type SizePart } from './adapter-size';
import type { AdapterTask } from './adapter-tasks';
import { relativeOf, type CardTarget } from './adapter-targets';
import type { TrainingFact } from './adapter-training';
import { recommendation } from './recommendation';
import { countText, namesText, percent, shortNumber } from './wording';

/** All that the page of an adapter shows. */
export interface AdapterCard {
  readonly task: AdapterTask;
  readonly targets: readonly CardTarget[];
  readonly health: Health;
  readonly size: readonly SizePart[];
  readonly training: readonly TrainingFact[];
}

/** What an adapter is, in sentences. */
export function cardNote({ task, targets, health, size, training }: AdapterCard, hasBase: boolean): Note {
  const { description } = task.adapter;
  const { summary, layout, scaleOrigin } = description;
  const lines = [
    `${description.kind}${ranksText(summary)}${layout === null ? '' : `, named as ${layout} names tensors`}; ${countText(targets.length, 'target')} in ${modulesText(targets)}.`,
    `State: ${health.state}. ${health.why}`,
    ...(scaleOrigin === 'assumed' && summary.scale !== ''
      ? ['Nothing says its alpha: scale 1 is taken, so norms hold up to a common factor.']
      : []),
    ...(hasBase
      ? []
      : ['No base: what the change is relative to is not known (norm_base and relative are undefined).']),
    sizeText(size),
    ...trainedText(training),
    ...strongestText(targets),
  ];
  return {
    kind: 'note',
    id: `card:${task.name}`,
    title: `What it is · ${task.name}`,
    facets: { task: task.name },
    severity: health.state === 'healthy' ? 'information' : 'warning',
    text: lines.join('\n'),
  };
}

function ranksText({
  rank,
  alpha,
  scale,
}: {
  readonly rank: string;
  readonly alpha: string;
  readonly scale: string;
}): string {
  if (rank === '') return '';
  const alphas = alpha === '' ? '' : `, alpha ${alpha}`;
  return ` of rank ${rank}${alphas}, scale ${scale}`;
}

function modulesText(targets: readonly CardTarget[]): string {
  const modules = [...new Set(targets.map(({ place }) => place.module))];
  const layers = new Set(targets.map(({ place }) => place.row));
  return modules.length === 0
    ? 'no module'
    : `${namesText(modules, 8)} of ${countText(layers.size, 'layer')}`;
}

/** What most people look for first: base, trigger words, steps. */
const FIRST = /^(?:Base|Trigger phrase|Title|Most frequent tags.*|Step|Last training loss)$/;

const LONGEST = 80;

function trainedText(training: readonly TrainingFact[]): string[] {
  const facts = training.filter(({ title }) => FIRST.test(title));
  const texts = facts.map(({ title, value }) => `${title}: ${grouped(cut(value))}`);
  return texts.length > 0 ? [`${texts.slice(0, 5).join('; ')}.`] : [];
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Numbers of four digits and more with separators, as everywhere in sentences. */
function grouped(text: string): string {
  return text.replace(/(?<![\w.,/-])\d{4,}(?![\w./-])/g, (digits) => Number(digits).toLocaleString('en-US'));
}

function strongestText(targets: readonly CardTarget[]): string[] {
  const sized = targets.flatMap((target) => {
    const size = relativeOf(target) ?? target.norm?.norm ?? null;
    return size === null ? [] : [{ target, size }];
  });
  const [most] = sized.sort((x, y) => y.size - x.size);
  if (!most) return [];
  const { module, norm } = most.target;
  return [
    relativeOf(most.target) === null
      ? `Strongest in ${module}: ‖ΔW‖ ${shortNumber(norm?.norm ?? 0)}.`
      : `Strongest in ${module}: ‖ΔW‖ is ${percent(most.size)} of ‖W₀‖.`,
  ];
}

/** What to do about each adapter. */
export function cardAdvice(cards: readonly AdapterCard[], hasBase: boolean): Note {
  const lines = cards.map(({ task, health, size }) => {
    const loads = verdicts(task);
    const fine = loads
      .filter(({ loads: how }) => how === 'yes' || how === 'with an option')
      .map(({ name }) => name);
    const other = loads.filter(({ loads: how }) => how === 'at another scale' || how === 'in part');
    const where = fine.length > 0 ? `loads in ${namesText(fine)}` : 'loads nowhere as it is';
    const careful = other.map(({ name, reason }) => ` Careful with ${name}: ${reason}`).join('');
    return `${task.name}: ${health.state}; ${where}.${stateAdvice(health)}${sizeAdvice(size)}${careful}`;
  });
  return recommendation(
    'What to do with it',
    lines,
    `norms say how far weights move, not whether the answers get better${hasBase ? '' : ', and without the base nothing is said of whether it fits'}; programs are judged by names and configuration, and change.`,
  );
}

function stateAdvice({ state, why }: Health): string {
  switch (state) {
    case 'broken':
      return ` ${why} Do not merge it; save it again from an earlier step.`;
    case 'does nothing':
    case 'applies in part':
      return ` ${why} Check names and base before serving it.`;
    case 'overwhelms the base':
      return ` ${why} Check alpha, or give it less weight.`;
    case 'hardly moves':
      return ` ${why}`;
    case 'not measured':
      return ' Choose its base to measure it.';
    case 'no weight change':
    case 'healthy':
      return '';
  }
}

/** Saved modules that take more than this share are worth a sentence. */
const LARGE = 0.5;
const WHOLE: ReadonlySet<string> = new Set(['embeddings and head', 'modules saved whole']);

function sizeAdvice(parts: readonly SizePart[]): string {
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = parts.find(({ part, bytes }) => WHOLE.has(part) && bytes > LARGE * all);
  return whole ? ` ${sizeText(parts)} Leave these out if they were not trained.` : '';
}

/** One row per adapter. */
export function overviewTable(cards: readonly AdapterCard[]): Table {
  return {
    kind: 'table',
    id: 'adapters',
    title: 'Adapters',
    columns: [
      { name: 'adapter', title: 'Adapter', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'layout', title: 'Naming', type: 'text' },
      { name: 'health', title: 'State', type: 'text' },
      { name: 'why', title: 'Why', type: 'text' },
      { name: 'targets', title: 'Targets', type: 'integer' },
      { name: 'placed', title: 'Placed', type: 'integer' },
      { name: 'rank', title: 'Rank', type: 'text' },
      { name: 'alpha', title: 'Alpha', type: 'text' },
      { name: 'scale', title: 'Scale', type: 'text' },
      { name: 'norm', title: '‖ΔW‖', type: 'number' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'bytes', title: 'Size', type: 'bytes' },
      { name: 'base', title: 'Base it names', type: 'text' },
    ],
    rows: cards.map(({ task, targets, health, size }): TableCell[] => {
      const { kind, layout, summary } = task.adapter.description;
      const norms = targets.flatMap(({ norm }) => norm?.norm ?? []);
      return [
        task.name,
        kind,
        layout,
        health.state,
        health.why,
        targets.length,
        targets.filter(({ isPlaced }) => isPlaced).length,
        summary.rank,
        summary.alpha,
        summary.scale,
        norms.length > 0 ? Math.sqrt(norms.reduce((sum, norm) => sum + norm * norm, 0)) : null,
        size.reduce((sum, { parameters }) => sum + parameters, 0),
        size.reduce((sum, { bytes }) => sum + bytes, 0),
        summary.baseName,
      ];
    }),
  };
}

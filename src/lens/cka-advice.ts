import type { AxisEntry, Note } from '../protocol/artifact';
import type { LayerPair } from './activations/layer-comparison';
import type { ComparedTask } from './cka-artifacts';
import { percent, shortNumber } from './wording';

/** Neighbours at least so alike do little to each other's output; a layer of base and fine-tune below it is another one. */
const ALIKE = 0.98;
const CHANGED = 0.8;

/** What one comparison says, a sentence a line. */
export function ckaRemarks({ sides, task }: ComparedTask, entries: readonly AxisEntry[]): readonly string[] {
  const n = entries.length;
  const base = sides.find(({ id }) => id === 'base_base')?.cells ?? [];
  const across = sides.find(({ id }) => id === 'base_ft')?.cells;
  if (task === null || !across) {
    const alike = entries.slice(1).filter((_, at) => (base[at * n + at + 1]?.cka ?? 0) >= ALIKE);
    if (alike.length === 0) return [];
    return [
      `${alike.map(({ label }) => label).join(', ')}: CKA of at least ${percent(ALIKE)} with the layer before. Try to leave these out first.`,
    ];
  }
  const changed = entries.flatMap(({ label }, at) => {
    const value = across[at * n + at]?.cka ?? null;
    return value !== null && value < CHANGED ? [label] : [];
  });
  const kept = entries.flatMap(({ label }, at) => {
    const value = across[at * n + at]?.cka ?? null;
    return value !== null && value >= ALIKE ? [label] : [];
  });
  return [
    changed.length > 0
      ? `${task.name}: represents its samples differently from the base in ${changed.join(', ')} (CKA below ${percent(CHANGED)}).`
      : `${task.name}: no layer represents its samples differently from the base (all CKA at least ${percent(CHANGED)}).`,
    ...geometryLines(across, entries, task.name),
    ...(kept.length > 0
      ? [
          `${task.name}: ${kept.join(', ')} can be shared with the base as far as CKA sees (at least ${percent(ALIKE)}).`,
        ]
      : []),
  ];
}

/** Layers that CKA calls alike and whose samples lie otherwise to each other. */
function geometryLines(across: readonly LayerPair[], entries: readonly AxisEntry[], task: string): string[] {
  const n = entries.length;
  const hidden = entries.flatMap(({ label }, at) => {
    const { cka, rsa } = across[at * n + at] ?? { cka: null, rsa: null };
    return cka !== null && rsa !== null && cka >= CHANGED && rsa < CHANGED
      ? [`${label} (ρ ${shortNumber(rsa)})`]
      : [];
  });
  return hidden.length === 0
    ? []
    : [
        `${task}: in ${hidden.join(', ')} RSA sees a change that CKA does not: the strongest directions stayed, the distances between samples did not.`,
      ];
}

/** What can be left out, shared, or was changed. */
export function ckaAdvice(lines: readonly string[]): Note {
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to make of it',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...(lines.length > 0 ? lines : ['No two neighbouring layers are so alike that one could be left out.']),
      'Limits: CKA sees the strongest features only, on these samples. What it calls alike may still differ in what the task needs: measure the accuracy before you leave out or share a layer.',
    ].join('\n'),
  };
}

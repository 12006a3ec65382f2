import { overlaid } from '../../src/figure/overlay';
import type { Matrix } from '../../src/protocol/artifact';
import type { Shown } from './shown';

/** Importances of another card that can be laid over a movement, one matrix a task. */
export interface OverlayChoice {
  /** Remembered with the card: lens and metric. */
  readonly key: string;
  readonly title: string;
  readonly matrices: readonly Matrix[];
}

/** A card as far as its importances go. */
export interface ImportanceCard {
  readonly lens: string;
  readonly artifacts: readonly { readonly kind: string }[];
}

/** All importances that some cards show, those of one lens and metric together. */
export function overlayChoices(cards: readonly ImportanceCard[]): readonly OverlayChoice[] {
  const found = new Map<string, { title: string; matrices: Matrix[] }>();
  for (const { lens, artifacts } of cards) {
    for (const artifact of artifacts) {
      if (!isImportance(artifact)) continue;
      const task = artifact.facets?.['task'] ?? '';
      const key = `${lens}/${artifact.facets?.['metric'] ?? artifact.id}`;
      // Titles end with the task, which the movement shows already.
      const title = artifact.title.replace(` · ${task}`, '').replace(`, ${task}`, '');
      const known = found.get(key) ?? { title, matrices: [] };
      found.set(key, { ...known, matrices: [...known.matrices, artifact] });
    }
  }
  return [...found].map(([key, one]) => ({ key, ...one }));
}

/** Whether an artifact tells how much a task needs something, rather than how far it moved. */
export function isImportance(artifact: { readonly kind: string }): artifact is Matrix {
  return artifact.kind === 'matrix' && (artifact as Matrix).measures === 'importance';
}

/** Made once for every pair, so that a matrix on screen stays the same object however often it is derived. */
const made = new WeakMap<Matrix, WeakMap<Matrix, Matrix>>();

function laidOver(movement: Matrix, { title, matrices }: OverlayChoice): Matrix {
  for (const importance of matrices) {
    const known = made.get(movement)?.get(importance);
    if (known) return known;
    const own = overlaid(movement, importance, title);
    if (own === null) continue;
    const all = made.get(movement) ?? new WeakMap<Matrix, Matrix>();
    made.set(movement, all.set(importance, own));
    return own;
  }
  return movement;
}

/** What is shown, with the importances laid over every movement in the middle. */
export function withOverlay(shown: Shown, choice: OverlayChoice | undefined): Shown {
  if (!choice || shown.matrix?.measures !== 'movement' || shown.matrix.overlay) return shown;
  return {
    ...shown,
    matrix: laidOver(shown.matrix, choice),
    matrices: shown.matrices.map((matrix) => laidOver(matrix, choice)),
  };
}

import type { Study } from '../model/study';
import type { Note, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import type { ProfiledTensor } from './delta-notes';
import { COVERAGE, sumBy } from './delta-tables';
import type { NetworkAxes } from './network-axes';
import { shortNumber } from './wording';

const ROLES = ['attention', 'mlp', 'norm', 'embedding', 'head', 'convolution', 'other'] as const;
const ROLE_NAMES: Readonly<Record<string, string>> = { mlp: 'MLP', norm: 'norms', embedding: 'embeddings' };
/** From this share of ‖τ‖² on a task is called after one kind of module. */
const HEAVY = 0.6;

/** Per task: how ‖τ‖² of every layer divides among attention, MLP, norms and the rest (Liu et al. 2025). */
export function energySeries(
  study: Study,
  byTask: readonly (readonly ProfiledTensor[])[],
  axes: NetworkAxes,
): Series[] {
  return study.tasks.map(({ name }, task) => {
    const tensors = byTask[task] ?? [];
    const rows = sumBy(tensors, ({ row }) => row);
    const cells = sumBy(tensors, ({ row, role }) => `${role} ${row}`);
    const present = ROLES.filter((role) => tensors.some(({ place }) => place.role === role));
    return {
      kind: 'series',
      id: `energy:${name}`,
      title: `Energy by role · ${name}`,
      facets: { task: name },
      caption: `Share of ‖τ‖² of a layer in its attention, MLP, norms and other modules. A layer that did not change is undefined. Layers in network order. ${COVERAGE}`,
      x: { title: 'layer', values: axes.rows.map(({ label }) => label) },
      lines: present.map((role) => ({
        name: ROLE_NAMES[role] ?? role,
        values: packNumbers(
          axes.rows.map(({ layer = '' }) => {
            const whole = rows.get(layer)?.deltaSquares ?? 0;
            return whole > 0 ? (cells.get(`${role} ${layer}`)?.deltaSquares ?? 0) / whole : null;
          }),
        ),
        task: name,
      })),
      unit: 'share of ‖τ‖²',
      style: 'stacked',
      places: axes.rows,
    };
  });
}

/** Whether a task changed mostly attention or mostly MLPs. */
export function energyNote(study: Study, byTask: readonly (readonly ProfiledTensor[])[]): Note {
  const lines = study.tasks.map(({ name }, task) => {
    const tensors = byTask[task] ?? [];
    const total = tensors.reduce((sum, { sums }) => sum + sums.deltaSquares, 0);
    if (!(total > 0) || !Number.isFinite(total)) return `${name}: no change to divide.`;
    const shares = [...sumBy(tensors, ({ role }) => role)]
      .map(([role, sums]) => ({ role, share: sums.deltaSquares / total }))
      .sort((a, b) => b.share - a.share);
    const [first] = shares;
    const heavy = first && first.share >= HEAVY ? `mostly ${nameOf(first.role)}` : 'no kind of module leads';
    const parts = shares.map(({ role, share }) => `${nameOf(role)} ${shortNumber(100 * share)} %`);
    return `${name}: ${heavy} (${parts.join(', ')} of ‖τ‖²).`;
  });
  return {
    kind: 'note',
    id: 'balance',
    title: 'Attention or MLP',
    severity: 'information',
    text: lines.join('\n'),
  };
}

function nameOf(role: string): string {
  return ROLE_NAMES[role] ?? role;
}

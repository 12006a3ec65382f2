import type { Note } from '../protocol/artifact';
import { DEAD, effectiveOf, routingOf, usageOf } from './mixture-figures';
import type { ReadMixture } from './mixture-models';
import { recommendation } from './recommendation';
import { countText, namesText, percent, shortNumber } from './wording';

/** Below this the mean adapter does what routing does. */
const ROUTED = 0.1;

/** What to keep of a mixture. */
export function mixtureAdvice(models: readonly ReadMixture[]): Note {
  return recommendation(
    'What to keep of the mixture',
    models.flatMap((model) => [...routingLines(model), ...deadLines(model), ...weightLines(model)]),
    'weights say what is mixed, not how well; attention of AdapterFusion, gates of X-LoRA and of mixtures of LoRAs depend on the input and are shown by their rows alone; skills of different modules have no common meaning; scales of ScaLearn, mixes of MTL-LoRA and selectors of rank-one updates are not recognised, since their files have no names of their own.',
  );
}

function routingLines({ name, modules }: ReadMixture): string[] {
  const shares = modules.flatMap((module) =>
    Array.from({ length: module.tasks }, (_, task) => routingOf(module, task)).flatMap(
      (value) => value ?? [],
    ),
  );
  if (shares.length === 0) return [];
  const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
  return [
    mean < ROUTED
      ? `${name}: tasks differ from the mean of all skills by ${percent(mean)} only; keep the mean adapter and drop routing.`
      : `${name}: tasks differ from the mean of all skills by ${percent(mean)}; routing is in use, and the mean adapter would lose it.`,
  ];
}

function deadLines({ name, tables }: ReadMixture): string[] {
  const dead = tables.flatMap((read) => {
    if (read.table.weighing !== 'normalised sigmoid') return [];
    const count = usageOf(read).filter((value) => value < DEAD / read.table.columns).length;
    return count > 0 ? [`${read.table.module} (${countText(count, 'skill')})`] : [];
  });
  const effective = tables.flatMap((read) =>
    read.table.weighing === 'normalised sigmoid' ? (effectiveOf(read) ?? []) : [],
  );
  const [first] = tables.filter(({ table }) => table.weighing === 'normalised sigmoid');
  return [
    ...(first && effective.length > 0
      ? [`${name}: a task uses ${shortNumber(effective.reduce((sum, value) => sum + value, 0) / effective.length)} of ${String(first.table.columns)} skills effectively.`]
      : []),
    ...(dead.length > 0 ? [`${name}: hardly used by any task, could go: ${namesText(dead, 4)}.`] : []),
  ];
} // prettier-ignore

function weightLines({ name, tables }: ReadMixture): string[] {
  return tables.flatMap(({ table, weights }) => {
    if (table.weighing !== 'inverse variance' && table.weighing !== 'softmax') return [];
    const most = weights.reduce((best, value, at) => (value > (weights[best] ?? -Infinity) ? at : best), 0);
    return [
      `${name}: ${table.kind}: ${table.columnTitle} ${String(most)} counts most (${shortNumber(weights[most] ?? 0)}).`,
    ];
  });
}

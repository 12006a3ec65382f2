import type { Note } from '../protocol/artifact';
import { keyFigures, tableFigures } from './memory-layer-figures';
import type { ReadMemory } from './memory-layer-models';
import { effectiveNumber } from './mixture-weights';
import { recommendation } from './recommendation';
import { countText, percent, shortNumber } from './wording';

/** Up to this share of changed slots a fine-tune wrote sparsely. */
const SPARSE = 0.2;

/** What to do about the memories. */
export function memoryAdvice(models: readonly ReadMemory[]): Note {
  return recommendation(
    'What to prune, and what fine-tuning wrote',
    models.flatMap((memory) => [...keyLines(memory), ...slotLines(memory)]),
    'lengths and cosines of weights do not say how often a slot is read: that needs a run on data; a table that several layers share stands at the layer that stores it; a pool of kernels shared by several networks is not recognised.',
  );
}

const nameOf = ({ model, layer }: ReadMemory) => (layer.module === '' ? model : `${model}: ${layer.module}`);

function keyLines(memory: ReadMemory): string[] {
  const figures = memory.keySets.map(({ keys }) => keyFigures(keys));
  const dead = figures.reduce((sum, own) => sum + own.dead, 0);
  const same = figures.reduce((sum, own) => sum + own.same, 0);
  const used = memory.counts && effectiveNumber(memory.counts);
  return [
    ...(dead > 0 ? [`${nameOf(memory)}: ${countText(dead, 'key')} dead.`] : []),
    ...(same > 0
      ? [
          `${nameOf(memory)}: ${countText(same, 'key')} the same as another, so that their slots are never told apart.`,
        ]
      : []),
    ...(memory.counts && used !== null
      ? [
          `${nameOf(memory)}: ${shortNumber(used)} of ${countText(memory.counts.length, 'entry').replace('entrys', 'entries')} in use by the stored counts.`,
        ]
      : []),
  ];
}

function slotLines(memory: ReadMemory): string[] {
  return memory.tables.flatMap((table) => {
    const { dead, changed, halfEnergy } = tableFigures(table);
    const spread =
      changed === null || halfEnergy === null
        ? []
        : [
            `${nameOf(memory)}, ${table.title}: ${percent(changed)} of ${countText(table.lengths.length, 'slot')} changed, half of the change in ${countText(halfEnergy, 'slot')}${changed <= SPARSE ? '; the rest can be shared with the base' : ''}.`,
          ];
    return [
      ...(dead > 0 ? [`${nameOf(memory)}, ${table.title}: ${countText(dead, 'slot')} dead.`] : []),
      ...spread,
    ];
  });
}

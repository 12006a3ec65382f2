import type { TensorEntry } from '../../format/checkpoint';
import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, ModuleTensors } from './family';
import { formedTarget, refusal } from './target';

/** Parameters for every output, of each variant of PEFT. */
const PER_OUTPUT: Readonly<Record<string, number>> = { road_1: 0.5, road_2: 1, road_4: 2 };

/**
 * RoAd (Liao and Monz 2024, https://arxiv.org/abs/2409.00119, eq. 4) as PEFT has it: outputs are turned and stretched in pairs, and so is the
 * bias. Output i of the first half of a group goes with output i of its second: y₁ = α·cos θ·x₁ − α·sin θ·x₂ and y₂ = α·cos θ·x₂ + α·sin θ·x₁,
 * with α and θ for a pair (`road_1`), for every output (`road_2`), or for cosine and sine of every output (`road_4`).
 */
export const road: AdapterFamily = {
  id: 'road',
  title: 'RoAd',
  source: 'https://arxiv.org/abs/2409.00119',
  endings: endings('PEFT', { road_theta: 'road_theta', road_alpha: 'road_alpha' }),
  describe(tensors, rules) {
    const [theta, alpha] = [tensors.parts.get('road_theta'), tensors.parts.get('road_alpha')];
    if (!theta && !alpha) return null;
    if (!theta || theta.span.count !== alpha?.span.count)
      return [refusal('RoAd', tensors, 'has not as many angles as lengths', 'lora-factors-disagree')];
    const [variant, size] = [rules.field('variant') ?? 'road_1', rules.field('group_size') ?? 64];
    const per = typeof variant === 'string' ? PER_OUTPUT[variant] : undefined;
    if (per === undefined || typeof size !== 'number' || !(size >= 2) || size % 2 !== 0)
      return [refusal('RoAd', tensors, 'its variant or size of groups is none that PEFT has')];
    const outputs = theta.span.count / per;
    return [
      turned(tensors, { theta, alpha, per, size, outputs }, 'weight'),
      { ...turned(tensors, { theta, alpha, per, size, outputs }, 'bias'), optional: true },
    ];
  },
};

interface Turns {
  readonly theta: TensorEntry;
  readonly alpha: TensorEntry;
  readonly per: number;
  readonly size: number;
  readonly outputs: number;
}

function turned(
  tensors: ModuleTensors,
  { theta, alpha, per, size, outputs }: Turns,
  parameter: 'weight' | 'bias',
) {
  const parts = new Map([['theta', theta], ['alpha', alpha]]); // prettier-ignore
  return formedTarget('RoAd', tensors, parts, parameter, (values, base) => {
    const [angles, lengths] = [values.get('theta')?.values ?? base, values.get('alpha')?.values ?? base];
    const columns = base.length / outputs;
    const half = size / 2;
    return base.map((value, at) => {
      const row = Math.floor(at / columns);
      const isFirst = row % size < half;
      const other = (isFirst ? 1 : -1) * half;
      const [cosine, sine] = placesOf(row, size, per);
      const along = (lengths[cosine] as number) * Math.cos(angles[cosine] as number);
      const across = (lengths[sine] as number) * Math.sin(angles[sine] as number);
      return along * value + (isFirst ? -1 : 1) * across * (base[at + other * columns] as number);
    });
  }, ([rows = 0, ...rest]) =>
    rows === outputs && rows % size === 0
      ? null
      : `its angles are for ${String(outputs)} outputs, the base’s ${parameter} is ${shapeText([rows, ...rest])}`); // prettier-ignore
}

/** Where the parameters of cosine and sine of an output are. */
function placesOf(row: number, size: number, per: number): readonly [number, number] {
  if (per === 1) return [row, row];
  const group = Math.floor(row / size);
  const within = row % size;
  if (per === 2) return [group * 2 * size + within, group * 2 * size + size + within];
  const pair = group * (size / 2) + (within % (size / 2));
  return [pair, pair];
}

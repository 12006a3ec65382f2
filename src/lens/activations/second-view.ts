import { SplitMix64 } from '../../tensor/split-mix';
import type { Samples } from '../../graph/network';
import { numbersOf, tensorValue, type TensorValue } from '../../graph/tensor-value';
import { success } from '../../protocol/result';

/**
 * The same samples seen a second time with a small disturbance: to floating-point inputs noise is added whose deviation is
 * `strength` times that of the input; of token ids (`…ids`, but those of positions and types) the share `strength` is replaced
 * by ids from elsewhere in the batch. Other inputs stay. The same for the same seed.
 */
export function secondView(samples: Samples, strength: number, seed: number): Samples {
  return {
    ...samples,
    feeds: async (first, count) => {
      const feeds = await samples.feeds(first, count);
      if (!feeds.ok) return feeds;
      const random = new SplitMix64(seed * 2 ** 20 + first + 1);
      return success(
        new Map([...feeds.value].map(([name, value]) => [name, disturbed(name, value, strength, random)])),
      );
    },
  };
}

function disturbed(name: string, value: TensorValue, strength: number, random: SplitMix64): TensorValue {
  if (value.type === 'float32' || value.type === 'float64') {
    const numbers = numbersOf(value);
    const size = strength * deviation(numbers);
    return tensorValue(
      value.type,
      value.shape,
      numbers.map((x) => x + size * normal(random)),
    );
  }
  if (!/ids$/i.test(name) || /position|type/i.test(name)) return value;
  const ids = numbersOf(value);
  const replaced = ids.map((id) => (unit(random) < strength ? (ids[random.below(ids.length)] ?? id) : id));
  return tensorValue(value.type, value.shape, replaced);
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length));
}

/** Between 0 and 1, never 0. */
function unit(random: SplitMix64): number {
  return (random.below(2 ** 52) + 0.5) / 2 ** 52;
}

/** A standard normal number (Box, Muller 1958). */
export function normal(random: SplitMix64): number {
  return Math.sqrt(-2 * Math.log(unit(random))) * Math.cos(2 * Math.PI * unit(random));
}

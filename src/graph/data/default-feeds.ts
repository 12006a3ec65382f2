import type { ElementType } from '../../format/onnx/element-types';
import type { ValueInfo } from '../../format/onnx/types';
import { tensorValue, type TensorValue } from '../tensor-value';

/** Feeds that the transformers library makes up where a caller gives none. */
export type DefaultFeed = 'ones' | 'zeros' | 'positions 0, 1, 2, …';

/**
 * What the forward methods of the transformers library take for an input that is left out: no position masked, every
 * token of the first segment, positions counted from 0. `null` for all other inputs.
 */
export function defaultFor({ name, type, shape }: ValueInfo): DefaultFeed | null {
  if (shape !== null && shape.length !== 2) return null;
  if (type !== null && type !== 'int64' && type !== 'int32') return null;
  if (name === 'attention_mask') return 'ones';
  if (name === 'token_type_ids') return 'zeros';
  return name === 'position_ids' ? 'positions 0, 1, 2, …' : null;
}

/** A default feed of the shape [samples, length]. */
export function defaultValue(
  value: DefaultFeed,
  type: ElementType,
  samples: number,
  length: number,
): TensorValue {
  const data = new Float64Array(samples * length);
  if (value === 'ones') data.fill(1);
  if (value === 'positions 0, 1, 2, …') for (let i = 0; i < data.length; i++) data[i] = i % length;
  return tensorValue(type, [samples, length], data);
}

import { quoted } from '../../format/problems';
import type { DataOptions } from '../../protocol/data';
import { success, type Result } from '../../protocol/result';
import { refuseName } from './arrays-in-file';
import { convertible } from './convert';
import type { DataArray, DataSet } from './data-set';
import { refuse } from './problems';

/** The labels or targets of a data set. */
export interface LabelMatch {
  readonly array: DataArray;
  /** 0 where a label is to be ignored; `null` where there is no such array. */
  readonly mask: DataArray | null;
  /** Labels are the inputs themselves, so that position t is scored against label t + 1. */
  readonly shift: boolean;
}

/** Names of labels and of their masks, the first that is there. */
const LABELS: readonly string[] = ['labels', 'label', 'y', 'targets', 'target'];
const MASKS: readonly string[] = ['loss_mask', 'label_mask', 'labels_mask'];

/**
 * The labels of a data set, by the name that the user gives or by the usual names; `null` where there are none. Fails with
 * `data-array-missing`, `data-array-type` or `data-labels`.
 */
export function matchLabels(data: DataSet, options: DataOptions): Result<LabelMatch | null> {
  const array = find(data, options.labels, LABELS);
  if (!array.ok) return array;
  const mask = find(data, options.mask, MASKS);
  if (!mask.ok) return mask;
  if (array.value === null) return success(null);
  if (!convertible(array.value.type, 'float64')) {
    const message = `${data.path}: ${quoted(array.value.name)} holds ${array.value.type}, which is no label.`;
    return refuse('data-labels', data.path, message, array.value.name);
  }
  if (mask.value !== null && mask.value.shape.join() !== array.value.shape.join()) {
    const shapes = `[${mask.value.shape.join(', ')}] and the labels [${array.value.shape.join(', ')}]`;
    const message = `${data.path}: the mask ${quoted(mask.value.name)} has the shape ${shapes}.`;
    return refuse('data-labels', data.path, message, mask.value.name);
  }
  const shift = options.shift ?? data.labelsAreInputs === true;
  return success({ array: array.value, mask: mask.value, shift });
}

function find(
  { path, arrays, unreadable }: DataSet,
  said: string | undefined,
  usual: readonly string[],
): Result<DataArray | null> {
  const names = said === undefined ? usual : [said];
  for (const name of names) {
    const found = arrays.find((array) => array.name === name);
    if (found !== undefined) return success(found);
  }
  if (said === undefined) return success(null);
  return refuseName(
    path,
    said,
    arrays.map(({ name }) => name),
    unreadable,
  );
}

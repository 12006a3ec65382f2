import type { Finding } from '../../protocol/finding';
import { failure, type Problem, type Result } from '../../protocol/result';
import type { CodeDescription } from '../problems';

const SAVE_AGAIN = 'Save the data again; as it stands, its values cannot be trusted.';

const CODES = {
  'data-format': error(
    'The file is of no format that data sets are read from.',
    'Save the arrays as .npz, .npy, .safetensors or .jsonl.',
  ),
  'data-malformed': error('The bytes of a data file break off or contradict themselves.', SAVE_AGAIN),
  'data-too-large': error(
    'A data file claims or holds more than can be worked on.',
    'Take fewer samples, or split the file.',
  ),
  'data-array-type': error(
    'An array of a data file has an element type that cannot be read.',
    'Save the array as numbers: float32, int64 or another plain type.',
  ),
  'data-array-missing': error(
    'A data file has no array of the name that was asked for.',
    'Use one of the names that the message lists.',
  ),
  'data-ragged': error(
    'Samples that belong into one batch have different sizes.',
    'Pad them to one length, say with which number to pad ("pad: 0"), or run one sample at a time.',
  ),
  'data-tokenizer': error(
    'Texts cannot be turned into tokens.',
    'Put the tokenizer.json of the model beside the graph, or name it: "tokenizer: PATH" under the data set.',
  ),
  'data-image': error(
    'An image cannot be decoded, or has no room for its crop.',
    'Replace or remove the image that is named.',
  ),
  'data-preprocessor': error(
    'What is to be done to images before the network sees them is not known.',
    'Put the preprocessor_config.json of the model beside the graph, or name it: "preprocessor: PATH" under the data set; or save the pixels as .npz.',
  ),
  'data-empty': error('A data file holds no sample.', 'Check that the right file was saved.'),
  'data-sample-range': error(
    'A sample was asked for that the data do not have.',
    'Ask for samples from 0 to one below their number.',
  ),
  'data-input-unmatched': error(
    'An input of the graph has no array in the data set.',
    'Name the array like the input, or say which it is: "inputs: {INPUT: ARRAY}" under the data set.',
  ),
  'data-input-shape': error(
    'An array does not have the shape that an input of the graph takes.',
    'Save the array in the shape that is named, samples along the first axis.',
  ),
  'data-input-type': error(
    'An array has an element type that no conversion leads from to that of the graph’s input.',
    'Save the array in the type that is named.',
  ),
  'data-inexact': error(
    'A value of an array does not exist in the type that the graph’s input takes.',
    'Save the array in that type, or allow rounding: "round: true" under the data set.',
  ),
  'data-samples-differ': error(
    'Arrays of one data set have different numbers of samples.',
    'Save as many rows of each, or list an array that is the same for all samples under "constant:".',
  ),
  'data-labels': error(
    'The labels of a data set cannot be used.',
    'Name the array with the labels: "labels: ARRAY" under the data set.',
  ),
  'data-input-guessed': information(
    'An input of the graph is fed with an array of another name, because nothing else is left for it.',
    'If that is wrong, say which array it is: "inputs: {INPUT: ARRAY}" under the data set.',
  ),
  'data-input-default': information(
    'An input of the graph that no array is named like gets what the transformers library gives it.',
    'If that is wrong, save the array under the name of the input.',
  ),
} as const satisfies Record<string, CodeDescription>;

export type DataCode = keyof typeof CODES;

/** Every code of data sets, for `docs/findings.md`. */
export const DATA_CODES: readonly (CodeDescription & { readonly code: DataCode })[] = Object.entries(
  CODES,
).map(([code, description]) => ({ code: code as DataCode, ...description }));

/** A problem with the action that belongs to its code. `message` is whole sentences and names file and place. */
export function dataProblem(code: DataCode, path: string, message: string, at?: string): Problem {
  return { code, message, action: CODES[code].action, path, ...(at === undefined ? {} : { at }) };
}

/** {@link dataProblem} as a failed result. */
export function refuse(code: DataCode, path: string, message: string, at?: string): Result<never> {
  return failure(dataProblem(code, path, message, at));
}

/** A finding with the severity and help that belong to its code. */
export function dataFinding(code: DataCode, path: string, message: string, at?: string): Finding {
  const { severity, action } = CODES[code];
  return { code, severity, path, message, help: action, ...(at === undefined ? {} : { at }) };
}

function error(explanation: string, action: string): CodeDescription {
  return { severity: 'error', explanation, action };
}

function information(explanation: string, action: string): CodeDescription {
  return { severity: 'information', explanation, action };
}

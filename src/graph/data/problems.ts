import { codeTable, errorCode, informationCode } from '../../protocol/code-table';

const SAVE_AGAIN = 'Save the data again; as it stands, its values cannot be trusted.';

const CODES = {
  'data-format': errorCode(
    'The file is of no format that data sets are read from.',
    'Save the arrays as .npz, .npy, .safetensors or .jsonl.',
  ),
  'data-malformed': errorCode('The bytes of a data file break off or contradict themselves.', SAVE_AGAIN),
  'data-too-large': errorCode(
    'A data file claims or holds more than can be worked on.',
    'Take fewer samples, or split the file.',
  ),
  'data-array-type': errorCode(
    'An array of a data file has an element type that cannot be read.',
    'Save the array as numbers: float32, int64 or another plain type.',
  ),
  'data-array-missing': errorCode(
    'A data file has no array of the name that was asked for.',
    'Use one of the names that the message lists.',
  ),
  'data-ragged': errorCode(
    'Samples that belong into one batch have different sizes.',
    'Pad them to one length, say with which number to pad ("pad: 0"), or run one sample at a time.',
  ),
  'data-tokenizer': errorCode(
    'Texts cannot be turned into tokens.',
    'Put the tokenizer.json of the model beside the graph, or name it: "tokenizer: PATH" under the data set.',
  ),
  'data-image': errorCode(
    'An image cannot be decoded, or has no room for its crop.',
    'Replace or remove the image that is named.',
  ),
  'data-preprocessor': errorCode(
    'What is to be done to images before the network sees them is not known.',
    'Put the preprocessor_config.json of the model beside the graph, or name it: "preprocessor: PATH" under the data set; or save the pixels as .npz.',
  ),
  'data-empty': errorCode('A data file holds no sample.', 'Check that the right file was saved.'),
  'data-sample-range': errorCode(
    'A sample was asked for that the data do not have.',
    'Ask for samples from 0 to one below their number.',
  ),
  'data-input-unmatched': errorCode(
    'An input of the graph has no array in the data set.',
    'Name the array like the input, or say which it is: "inputs: {INPUT: ARRAY}" under the data set.',
  ),
  'data-input-shape': errorCode(
    'An array does not have the shape that an input of the graph takes.',
    'Save the array in the shape that is named, samples along the first axis.',
  ),
  'data-input-type': errorCode(
    'An array has an element type that no conversion leads from to that of the graph’s input.',
    'Save the array in the type that is named.',
  ),
  'data-inexact': errorCode(
    'A value of an array does not exist in the type that the graph’s input takes.',
    'Save the array in that type, or allow rounding: "round: true" under the data set.',
  ),
  'data-samples-differ': errorCode(
    'Arrays of one data set have different numbers of samples.',
    'Save as many rows of each, or list an array that is the same for all samples under "constant:".',
  ),
  'data-labels': errorCode(
    'The labels of a data set cannot be used.',
    'Name the array with the labels: "labels: ARRAY" under the data set.',
  ),
  'data-input-guessed': informationCode(
    'An input of the graph is fed with an array of another name, because nothing else is left for it.',
    'If that is wrong, say which array it is: "inputs: {INPUT: ARRAY}" under the data set.',
  ),
  'data-input-default': informationCode(
    'An input of the graph that no array is named like gets what the transformers library gives it.',
    'If that is wrong, save the array under the name of the input.',
  ),
} as const;

export type DataCode = keyof typeof CODES;

const TABLE = codeTable<DataCode>(CODES);

/** Every code of this room, for `docs/findings.md`. */
export const DATA_CODES = TABLE.list;

/** A problem with the action that belongs to its code. */
export const dataProblem = TABLE.problem;

/** {@link dataProblem} as a failed result. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const dataFinding = TABLE.finding;

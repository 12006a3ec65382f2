import { codeTable, errorCode } from '../../protocol/code-table';

const EXPORT_AGAIN = 'Export the model again; the file cannot be used as it stands.';

/** What keeps an ONNX model from being read; the table of graphs has these codes, too. */
export const ONNX_CODE_ENTRIES = {
  'graph-not-onnx': errorCode(
    'The file is not an ONNX model.',
    'Name the .onnx file of the exported network.',
  ),
  'graph-malformed': errorCode(
    'The bytes of an ONNX model break off or contradict themselves.',
    EXPORT_AGAIN,
  ),
  'graph-too-large': errorCode(
    'An ONNX model has more nodes, names or nested graphs than can be worked on.',
    'Export a smaller part of the network.',
  ),
  'graph-tensor-size': errorCode(
    'Shape and element type of a tensor in an ONNX model do not fill its bytes exactly.',
    EXPORT_AGAIN,
  ),
  'graph-tensor-type': errorCode(
    'A tensor of an ONNX model has an element type that cannot be read.',
    'Export the model in float32.',
  ),
  'graph-external-data': errorCode(
    'The external data of an ONNX model is missing, too short, or outside its folder.',
    'Put the data file into the folder of the model, under the name that the model gives it.',
  ),
} as const;

const TABLE = codeTable<keyof typeof ONNX_CODE_ENTRIES>(ONNX_CODE_ENTRIES);

/** A problem with the action that belongs to its code. */
export const onnxProblem = TABLE.problem;

/** {@link onnxProblem} as a failed result. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const onnxFinding = TABLE.finding;

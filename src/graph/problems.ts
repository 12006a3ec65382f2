import { ONNX_CODE_ENTRIES } from '../format/onnx/problems';
import { codeTable, errorCode, warningCode } from '../protocol/code-table';

const EXPORT_AGAIN = 'Export the model again; the file cannot be used as it stands.';
const EXPORT_PLAIN =
  'Export without optimisation: torch.onnx.export(..., training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False), or optimum-cli export onnx without -O.';

const CODES = {
  ...ONNX_CODE_ENTRIES,
  'graph-cycle': errorCode('The nodes of an ONNX graph depend on each other in a circle.', EXPORT_AGAIN),
  'graph-dangling': errorCode(
    'A node or output of an ONNX graph needs a value that nothing makes.',
    EXPORT_AGAIN,
  ),
  'graph-duplicate': errorCode('Two nodes of an ONNX graph make a value of the same name.', EXPORT_AGAIN),
  'graph-opset': errorCode(
    'The operator set of an ONNX model is older or newer than what can be rewritten.',
    'Export with opset 11 to 21.',
  ),
  'graph-function': errorCode('A function inside an ONNX model cannot be put in its place.', EXPORT_PLAIN),
  'graph-input-missing': errorCode(
    'The graph has an input that no data was given for.',
    'Name an array of the data set like the input.',
  ),
  'graph-input-type': errorCode(
    'The data given for an input of the graph has another type or shape than the graph takes.',
    'Save the array in the type and shape that is named.',
  ),
  'graph-output-missing': errorCode(
    'The graph has no value of the name that was asked for.',
    'Choose one of the names that the message lists.',
  ),
  'graph-run': errorCode(
    'The runtime refused to run the graph.',
    'Check inputs and shapes; export the model again where they are right.',
  ),
  'graph-objective': errorCode(
    'The objective does not fit the outputs of the graph.',
    'Choose another objective, or name the output that holds the logits.',
  ),
  'graph-no-rule': errorCode(
    'A gradient has to pass an operator that has no rule for it.',
    'Ask for the gradients of other weights, or export the network with plain operators.',
  ),
  'graph-weight-unbound': errorCode(
    'A weight of the graph has no tensor in the checkpoint.',
    'Name the checkpoint that the graph was exported from as the base, or export the graph again from it.',
  ),
  'graph-weight-shape': errorCode(
    'A weight of the graph has another shape than the tensor of the checkpoint.',
    'Use a checkpoint of the same architecture as the export.',
  ),
  'graph-weight-differs': warningCode(
    'A weight of the graph has the name of a tensor but other values, so it was changed by the exporter.',
    EXPORT_PLAIN,
  ),
  'graph-weight-folded': warningCode(
    'A tensor of the checkpoint is not a weight of the graph: the exporter worked it into another one, or left it out.',
    EXPORT_PLAIN,
  ),
  'graph-weight-ambiguous': warningCode(
    'Tensors with equal values share one weight of the graph, and which is used where cannot be told.',
    'Export from a trained checkpoint, in which no two tensors are equal.',
  ),
  'graph-other-network': errorCode(
    'No weight of the graph is a tensor of the base.',
    'Export the graph from this base, or choose the base that it was exported from.',
  ),
  'graph-other-checkpoint': warningCode(
    'No weight of the graph has the values of the base: it was exported from another checkpoint.',
    'Nothing, if names and shapes are those of the base; else export the graph from the base.',
  ),
  'importance-format': errorCode(
    'A file of Fisher information is neither arrays by name nor the state of an optimiser.',
    'Save it as safetensors or npz, with an array for every tensor and the names of the base; or name the optimizer.pt of a run.',
  ),
  'importance-names': errorCode(
    'Which parameter each moment of an optimiser belongs to cannot be told.',
    'Put a parameter_order.json beside it: json.dump([n for n, p in model.named_parameters() if p.requires_grad], file), in the order in which the optimiser got them.',
  ),
  'importance-other-network': errorCode(
    'No tensor of a file of Fisher information is a tensor of the base.',
    'Name the base that it was computed for.',
  ),
  'importance-left-out': warningCode(
    'Tensors of a file of Fisher information are not in the base, or have another shape or a negative entry there.',
    'Nothing, where they are of a head or an adapter; else check that file and base belong together.',
  ),
} as const;

export type GraphCode = keyof typeof CODES;

const TABLE = codeTable<GraphCode>(CODES);

/** Every code of this room, for `docs/findings.md`. */
export const GRAPH_CODES = TABLE.list;

/** A problem with the action that belongs to its code. */
export const graphProblem = TABLE.problem;

/** {@link graphProblem} as a failed result. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const graphFinding = TABLE.finding;

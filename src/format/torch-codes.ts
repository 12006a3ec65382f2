import { errorCode, informationCode, warningCode } from '../protocol/code-table';

const DOWNLOAD_AGAIN = 'Download or copy the file again, and compare its size with the original.';

/** Codes of files of torch, and of pickles. */
export const TORCH_CODES = {
  'pickle-malformed': errorCode('The pickle in the file breaks off or contradicts itself.', DOWNLOAD_AGAIN),
  'pickle-runs-code': errorCode(
    'Loading the file in Python would run code that no checkpoint needs.',
    'Do not load the file in Python. Here nothing of it runs; ask its author, or use another source.',
  ),
  'pickle-unknown-object': warningCode(
    'The file names a Python class or function that is no part of a plain state dict.',
    'It is shown as opaque; torch.load with weights_only=True would refuse it. Save a state dict of tensors instead.',
  ),
  'tensor-storage': errorCode(
    'A tensor lies outside of its storage, or its storage is not there.',
    'Save the checkpoint again with torch.save.',
  ),
  'distributed-packed': errorCode(
    'The parts of a distributed checkpoint are packed by an extension, which is not read.',
    'Load it with torch.distributed.checkpoint, and save it without extensions.',
  ),
  'exported-malformed': errorCode(
    'The list of the weights of an exported program breaks off or contradicts itself.',
    DOWNLOAD_AGAIN,
  ),
  'tensor-lazy': warningCode(
    'A tensor is saved as what it is the conjugate or the negative of; its values are not read.',
    'Save the tensor after resolve_conj() and resolve_neg().',
  ),
  'tensor-strided': warningCode(
    'A tensor is an expanded view of far more values than its storage has.',
    'Save the tensor before it was expanded.',
  ),
  'tensor-sparse': warningCode(
    'A sparse tensor is too large to be read as a dense one, or of a layout that is not read.',
    'Call .to_dense() on it before saving.',
  ),
  'tensor-parts': warningCode(
    'The parts of a tensor of a distributed checkpoint are missing, or do not make up its shape.',
    'Copy all .distcp files of the checkpoint into its folder.',
  ),
  'optimizer-unnamed': informationCode(
    'The state of an optimizer numbers its parameters, and nothing beside it names them.',
    'Put parameter_order.json beside it, a list of the names of model.named_parameters(), or the model as pytorch_model.bin.',
  ),
  'tensors-left-out': informationCode(
    'Tensors that are no weights of the model are not listed.',
    'Open the file of the optimizer for its moments.',
  ),
} as const;

import { errorCode, informationCode, warningCode } from '../protocol/code-table';

const DOWNLOAD_AGAIN = 'Download or copy the file again, and compare its size with the original.';
const CONVERT_AGAIN = 'Convert or quantise the model again; as it stands, its values cannot be trusted.';

/** Codes of GGUF files. */
export const GGUF_CODES = {
  'gguf-version': errorCode(
    'The file is of a version of GGUF that is not known.',
    'Convert the model again with a current llama.cpp.',
  ),
  'gguf-malformed': errorCode('The header of a GGUF file breaks off or contradicts itself.', DOWNLOAD_AGAIN),
  'gguf-too-large': errorCode(
    'The header of a GGUF file is larger than any model needs.',
    'Check that this is the right file.',
  ),
  'gguf-tensor-shape': errorCode(
    'The dimensions of a tensor in a GGUF file do not go together with its type, or are beyond all bounds.',
    CONVERT_AGAIN,
  ),
  'gguf-tensor-overlap': errorCode('The data of two tensors in a GGUF file overlap.', CONVERT_AGAIN),
  'gguf-duplicate-tensor': errorCode('Two tensors of a GGUF model have the same name.', CONVERT_AGAIN),
  'gguf-duplicate-key': warningCode(
    'A key stands twice in the metadata of a GGUF file.',
    'The first is shown; llama.cpp refuses such a file: write it again.',
  ),
  'gguf-layout': warningCode(
    'The data of tensors in a GGUF file do not follow each other as llama.cpp wants it.',
    'The values are read as the header says, but llama.cpp refuses such a file: convert the model again.',
  ),
  'gguf-tensor-type': warningCode(
    'A tensor of a GGUF file is of a type that cannot be read.',
    'It is left out. Types of forks of llama.cpp are not known here: quantise the model with llama.cpp.',
  ),
  'gguf-split-missing': errorCode(
    'Parts of a split GGUF model are not there.',
    'Download the missing parts into the same folder.',
  ),
  'gguf-split-mismatch': warningCode(
    'The parts of a split GGUF model do not say the same of the model.',
    'Download all parts from the same place again.',
  ),
  'gguf-names': informationCode(
    'Tensors of a GGUF file are shown under the names that they have in Hugging Face checkpoints.',
    'Nothing is to be done: so the file can be compared with the checkpoint that it was converted from.',
  ),
  'gguf-architecture': informationCode(
    'How the tensors of a GGUF file are called in Hugging Face checkpoints is not known for its architecture.',
    'Compare it with other GGUF files; to compare it with its source, rename the tensors of one of them.',
  ),
  'gguf-head-order': informationCode(
    'Rows of attention heads stand in the order of llama.cpp, and the file does not say how many heads there are.',
    'Put the base beside it, as GGUF or with its config.json; or compare these tensors with other GGUF files only.',
  ),
} as const;

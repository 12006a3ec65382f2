import { codeTable, errorCode, warningCode, informationCode } from '../protocol/code-table';
import { GGUF_CODES } from './gguf-codes';
import { HUB_CODES } from './hub-codes';
import { TORCH_CODES } from './torch-codes';

const DOWNLOAD_AGAIN = 'Download or copy the file again, and compare its size with the original.';
const WRITE_AGAIN =
  'Write the file again with the safetensors library; as it stands, its values cannot be trusted.';
const DOWNLOAD_SHARD = 'Download the missing shards into the folder of the index.';
const WRITE_INDEX = 'Save the model again, or make a new index from the shards that are there.';

const CODES = {
  'file-empty': errorCode('The file has no bytes.', DOWNLOAD_AGAIN),
  'file-truncated': errorCode('The file ends before the data its header describes.', DOWNLOAD_AGAIN),
  'file-changed': errorCode('The file changed while it was open.', 'Open it again.'),
  'not-a-checkpoint': errorCode(
    'Nothing in the file says that it is a checkpoint.',
    'Open a .safetensors file, its index, or the folder that holds it.',
  ),
  'not-a-file': errorCode('The path is not an ordinary file.', 'Name an ordinary file or a folder.'),
  'git-lfs-pointer': errorCode(
    'The file is a Git LFS pointer; the weights themselves were not downloaded.',
    'Run "git lfs pull" in the repository.',
  ),
  'web-page': errorCode(
    'The file is a web page or a server answer that was saved under the name of a checkpoint.',
    'Download the file itself; where it needs permission, log in first.',
  ),
  'dtype-not-written': errorCode(
    'A tensor has an element type that safetensors files cannot have.',
    'Convert the tensor to another type first, for example to complex64.',
  ),
  'format-unsupported': errorCode(
    'The file is of a format that cannot be opened yet.',
    'Convert it to safetensors, for example with safetensors.torch.save_file.',
  ),
  'zip-malformed': errorCode(
    'The directory of a zip archive breaks off or contradicts itself.',
    DOWNLOAD_AGAIN,
  ),
  'tar-malformed': errorCode(
    'The headers of a tar archive break off or contradict themselves.',
    DOWNLOAD_AGAIN,
  ),
  'zip-too-large': errorCode(
    'A zip archive claims more files than any checkpoint has.',
    'Check that this is the right file.',
  ),
  'zip-packed': errorCode(
    'A file in the archive is encrypted, or packed in a way that is not read.',
    'Save the checkpoint again with torch.save, or unpack the archive.',
  ),
  'zip-crc': errorCode(
    'A file in a zip archive has another checksum than the archive gives for it.',
    DOWNLOAD_AGAIN,
  ),
  'zip-bomb': errorCode(
    'A file in a zip archive would unpack to far more than its packed size can mean.',
    'Check where the file comes from; what is named is left out. Save large arrays with np.savez, which does not pack them.',
  ),
  'zip-other-files': informationCode(
    'An archive of arrays holds files that are no arrays.',
    'Nothing; they are left out.',
  ),
  'array-malformed': errorCode(
    'The header of a NumPy array is damaged, or its values break off.',
    'Save the array again with NumPy, or download the file again.',
  ),
  'array-pickled': warningCode(
    'An array of Python objects is a pickle; its values are not read.',
    'Save numbers instead: np.load takes such an array with allow_pickle=True only, which runs what the pickle says.',
  ),
  'array-left-out': informationCode(
    'An array has elements that are no plain numbers: texts, records, times.',
    'Nothing, if it holds no weights; else save it as numbers.',
  ),
  'array-trailing-bytes': informationCode(
    'Bytes after the values of an array belong to nothing that is shown.',
    'NumPy reads the first array only: save several arrays with np.savez.',
  ),
  'onnx-adapter-malformed': errorCode(
    'An adapter of ONNX Runtime breaks off or contradicts itself.',
    'Convert the adapter again, or download the file again.',
  ),
  'ggml-malformed': errorCode('A ggml file breaks off or contradicts itself.', DOWNLOAD_AGAIN),
  'ggml-type': warningCode(
    'A tensor of a ggml file has a type that is not read.',
    'Convert the original model to GGUF with a present llama.cpp or whisper.cpp.',
  ),
  'onnx-sparse': informationCode(
    'Sparse initializers of an ONNX model are left out: too large when dense, or without plain values or places.',
    'Export the model with dense weights to see them.',
  ),
  'onnx-type': informationCode(
    'Tensors of an ONNX model have a type that checkpoints do not have, as texts.',
    'Nothing, if they are no weights; else export them as numbers.',
  ),
  'onnx-name-twice': warningCode(
    'Two tensors of an ONNX model have the same name.',
    'Export the model again; runtimes refuse such a file or take either.',
  ),
  'onnx-module-name': informationCode(
    'The exporter gave weights numbers for names; they have the name of the module that uses them.',
    'Nothing, where the names are right; torch.onnx.export with do_constant_folding=False keeps them.',
  ),
  'onnx-transposed': informationCode(
    'The exporter transposed weights of linear layers; they are shown as the layers have them.',
    'Nothing; torch.onnx.export with do_constant_folding=False leaves them as they are.',
  ),
  'msgpack-malformed': errorCode(
    'A file of msgpack contradicts itself, or holds no state of Flax.',
    DOWNLOAD_AGAIN,
  ),
  'table-malformed': errorCode(
    'The index of a TensorFlow checkpoint breaks off or contradicts itself.',
    DOWNLOAD_AGAIN,
  ),
  'hdf5-malformed': errorCode(
    'An HDF5 file breaks off, contradicts itself, or uses what no writer of weights does.',
    DOWNLOAD_AGAIN,
  ),
  'hdf5-left-out': informationCode(
    'A dataset of an HDF5 file is no tensor that can be read.',
    'Save it with h5py as numbers, unpacked or with gzip.',
  ),
  'header-beyond-file': errorCode('The header is longer than the file.', DOWNLOAD_AGAIN),
  'header-too-large': errorCode('The header is longer than the 100 MB that the format allows.', WRITE_AGAIN),
  'header-start': errorCode('The header does not begin with "{".', WRITE_AGAIN),
  'json-syntax': errorCode(
    'The text is not valid JSON.',
    'Correct the place named; a safetensors file has to be written again.',
  ),
  'json-utf8': errorCode(
    'The text is not valid UTF-8.',
    'Save the text as UTF-8; a safetensors file has to be written again.',
  ),
  'json-depth': errorCode('The JSON is nested too deeply.', 'Remove the nested values; nothing reads them.'),
  'json-too-many-keys': errorCode(
    'A JSON object has more than 2,000,000 keys.',
    'Check that this is the right file.',
  ),
  'json-duplicate-key': errorCode('A key appears twice in one JSON object.', 'Keep one of the two.'),
  'json-number': errorCode(
    'A number is negative, fractional or too large where a count is needed.',
    'Write a whole number from 0 to 9007199254740991.',
  ),
  'json-type': errorCode(
    'A JSON value is of another type than its place needs.',
    'Give a value of the type named.',
  ),
  'duplicate-tensor': errorCode('Two tensors have the same name.', WRITE_AGAIN),
  'tensor-entry': errorCode('A tensor is not described by dtype, shape and data_offsets.', WRITE_AGAIN),
  'tensor-dtype': errorCode(
    'The element type of a tensor is unknown.',
    'Convert the tensor to a type of the safetensors specification.',
  ),
  'tensor-rank': errorCode('A tensor has more dimensions than any framework takes.', WRITE_AGAIN),
  'tensor-overflow': errorCode('The size of a tensor is beyond 2^53 − 1.', WRITE_AGAIN),
  'tensor-packing': errorCode('A tensor of a type narrower than a byte does not end on a byte.', WRITE_AGAIN),
  'tensor-bit-order': informationCode(
    'The format does not say in which order values of 6 bits stand in their bytes.',
    'They are read from the lowest bit of each byte up, as ONNX lays them; torchao keeps 4 bits and 2 bits apart, as U8.',
  ),
  'tensor-size': errorCode('Shape and element type of a tensor do not fill its bytes exactly.', WRITE_AGAIN),
  'tensor-offsets': errorCode('The data of a tensor ends before it begins.', WRITE_AGAIN),
  'tensor-overlap': errorCode('The data of two tensors overlap.', WRITE_AGAIN),
  'tensor-gap': errorCode('Bytes between two tensors belong to neither.', WRITE_AGAIN),
  'metadata-not-text': errorCode('A value in __metadata__ is not a string.', WRITE_AGAIN),
  'trailing-bytes': warningCode(
    'Bytes after the last tensor belong to nothing.',
    'The values are read as the header says, but the safetensors library refuses such a file: write it again.',
  ),
  'metadata-null': informationCode(
    '__metadata__ is null instead of an object.',
    'The safetensors library takes this, some other loaders do not: leave __metadata__ out, or write an object of strings.',
  ),
  'metadata-empty': informationCode('__metadata__ is empty.', 'It can be left out.'),
  'tensor-unknown-field': informationCode(
    'A tensor has fields besides dtype, shape and data_offsets.',
    'Loaders ignore them: put such notes into __metadata__.',
  ),
  'weights-packed': informationCode(
    'Quantised weights are shown and compared by the values they stand for.',
    'Nothing to do; conversion copies what is stored unless it is told to write values.',
  ),
  'weights-packed-unread': warningCode(
    'Tensors that look like a quantised weight do not fit each other, and are shown as they are stored.',
    'Check that the file is whole and that config.json beside it is that of this model.',
  ),
  'no-tensors': warningCode('The file holds no tensor.', 'Check that the right file was saved.'),
  'index-too-large': errorCode('The index is larger than 256 MB.', WRITE_INDEX),
  'index-weight-map': errorCode('The index has no weight_map from tensor names to shard names.', WRITE_INDEX),
  'index-no-shards': errorCode('The index names no shard.', WRITE_INDEX),
  'index-too-many-shards': errorCode('The index names more than 10,000 shards.', WRITE_INDEX),
  'headers-too-large': errorCode(
    'The headers of all shards together are larger than 1 GB.',
    'Check that the index names the right files.',
  ),
  'shard-outside-folder': errorCode(
    'The index names a file outside its own folder.',
    'Put every shard into the folder of the index and name it without a path.',
  ),
  'shard-missing': errorCode('A shard that the index names is not there.', DOWNLOAD_SHARD),
  'shard-unreadable': errorCode('A shard that the index names cannot be read.', 'Replace that shard.'),
  'tensor-in-no-shard': errorCode('The index lists a tensor that its shard does not have.', WRITE_INDEX),
  'tensor-in-other-shard': errorCode(
    'The index lists a tensor in one shard, and another has it.',
    WRITE_INDEX,
  ),
  'tensor-in-two-shards': warningCode(
    'Two shards have a tensor of the same name.',
    'The one that the index names is shown; a loader may take the other: remove one of the two.',
  ),
  'tensor-ambiguous': errorCode(
    'Two shards have a tensor of the same name, and the index names neither of them.',
    'Remove one of the two, or list the tensor in the index.',
  ),
  'tensor-not-in-index': warningCode('A shard has a tensor that the index does not list.', WRITE_INDEX),
  'index-total-size': informationCode(
    'The total_size of an index is not the size of all tensors.',
    'Loaders only use it to plan: correct it, or leave it out.',
  ),
  'folder-empty': errorCode(
    'The folder holds no checkpoint that can be opened.',
    'Open a folder with a .safetensors file in it, or the file itself.',
  ),
  'folder-of-run': errorCode(
    'The folder is the output of a training run, with a folder for each checkpoint.',
    'Open one of its checkpoints, or follow all of them: "Open Training Run", or deltalens lens trajectory --run FOLDER.',
  ),
  'folder-ambiguous': errorCode('The folder holds several checkpoints.', 'Open the file that you mean.'),
  'folder-index-and-file': warningCode(
    'The folder holds both a whole model and the index of a sharded one.',
    'The sharded model is shown: open the single file itself to see the other.',
  ),
  'adapter-head': informationCode(
    'An adapter of AdapterHub was trained with a prediction head, which is no part of its change of the base.',
    'Open the file of the head by itself to see its tensors.',
  ),
  'adapter-weights-missing': errorCode(
    'There is an adapter_config.json but no weights beside it.',
    'Put adapter_model.safetensors beside it.',
  ),
  'output-exists': errorCode(
    'There is something by the name of what was to be written.',
    'Choose a name that is not taken.',
  ),
  'output-name': errorCode(
    'What was to be written has a name that is none of a file.',
    'Report it: names are made here, not taken from files.',
  ),
  'disk-full': errorCode(
    'The disk has too little room for what was to be written; nothing was left behind.',
    'Make room, or write to another disk.',
  ),
  'span-too-large': errorCode('A tensor is too large to be held in memory.', 'Use a lens, which streams it.'),
  ...TORCH_CODES,
  ...HUB_CODES,
  ...GGUF_CODES,
} as const;

/** Every code that this room gives to a problem or finding. */
export type FormatCode = keyof typeof CODES;

const TABLE = codeTable<FormatCode>(CODES);

/** Every code of this room, for `docs/findings.md`. */
export const FORMAT_CODES = TABLE.list;

/** A problem with the action that belongs to its code. */
export const formatProblem = TABLE.problem;

/** {@link formatProblem} as a failed result. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const formatFinding = TABLE.finding;

const LONGEST_QUOTE = 120;
// Control characters and those that turn the direction of text could make a message read as something else.
const UNSEEN = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A name out of a file, fit for a message: quoted, escaped and, beyond 120 characters, shortened. */
export function quoted(name: string): string {
  const short = name.length > LONGEST_QUOTE ? `${name.slice(0, LONGEST_QUOTE - 1)}…` : name;
  return JSON.stringify(short).replace(
    UNSEEN,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `1 byte`, `7 bytes`. Digits are not grouped, so that they can be searched for. */
export function countOf(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}

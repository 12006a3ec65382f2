import { codeTable, errorCode, informationCode, warningCode } from '../protocol/code-table';

const CODES = {
  'tensors-tied': informationCode(
    'Tensors share their values, and are written once: safetensors files hold no shared tensors.',
    'A loader that ties them by itself (transformers with tie_word_embeddings) needs nothing more; for others write each with --tied each.',
  ),
  'write-nothing': errorCode(
    'There is nothing to write: no tensor of the input fits.',
    'Check that the inputs belong together.',
  ),
  'write-parameter': errorCode('A number is outside of what makes sense.', 'Give one of those named.'),
  'output-kind': errorCode(
    'The result needs a folder: it has a configuration or shards beside its weights.',
    'Name a folder that does not exist yet.',
  ),
  'bake-not-finite': errorCode(
    'The sum of base and change has NaN or infinities that the base has not: it is beyond the range of the element type, or the adapter is broken.',
    'Bake with a smaller weight, or into a base stored as float32 or bfloat16.',
  ),
  'bake-rounded-away': warningCode(
    'Most of the change of a tensor is smaller than a step of the element type it is written in, and is lost.',
    'Bake into a base stored as float32, or keep the adapter apart.',
  ),
  'bake-dtype': errorCode(
    'A tensor that changes is stored in an element type that no sum can be written in.',
    'Bake into the base as it was before quantisation.',
  ),
  'bake-tied': warningCode(
    'A tensor changes that the model also uses elsewhere: token embedding and output head are one.',
    'The other use changes with it; keep the adapter apart where that is not meant.',
  ),
  'rank-not-reached': warningCode(
    'A module keeps less than was asked for within the largest rank that is allowed.',
    'Allow a larger rank, or ask for less.',
  ),
  'factors-not-finite': errorCode(
    'The change of a module has NaN or infinities.',
    'Run the lens "summary": it names the entries.',
  ),
  'module-not-lora': errorCode(
    'The change of a module is no product of two factors, so it cannot be written as a LoRA.',
    'Bake the adapter into its base and extract a LoRA from the result.',
  ),
  'module-name-unknown': errorCode(
    'The adapter writes module names with underscores, or numbers, and which modules they are is unknown.',
    'Name its base with --base.',
  ),
  'extract-left-out': informationCode(
    'Some of what the fine-tune changed has no place in a LoRA.',
    'Save it whole beside the factors with --save-rest.',
  ),
  'extract-not-saved': warningCode(
    'A tensor that changed can be saved in no adapter.',
    'Keep the fine-tune itself where this tensor matters.',
  ),
  'layout-has-no-place': errorCode(
    'The layout has no place for a part of the adapter.',
    'Choose another layout; PEFT has a place for most.',
  ),
  'adapter-too-large': errorCode(
    'The factors do not fit into memory together.',
    'Choose a smaller rank, or write them as BF16.',
  ),
} as const;

/** Every code that this room gives to a problem or finding. */
export type MergeCode = keyof typeof CODES;

const TABLE = codeTable<MergeCode>(CODES);

/** Every code of this room, for `docs/findings.md`. */
export const MERGE_CODES = TABLE.list;

/** A failed result with the action that belongs to its code. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const mergeFinding = TABLE.finding;

import { codeTable, errorCode, warningCode, informationCode } from '../protocol/code-table';

const CODES = {
  'json-syntax': errorCode('The text is not valid JSON.', 'Correct it at the place named.'),
  'peft-type-missing': errorCode(
    'The configuration does not say what kind of adapter it is.',
    'Write "peft_type": "LORA", or the kind that the adapter has.',
  ),
  'adapter-field-type': errorCode(
    'A field of an adapter configuration has a value of the wrong type.',
    'Write a value of the type named.',
  ),
  'adapter-scale-assumed': warningCode(
    'An adapter has neither an alpha nor an adapter_config.json, so its scale is unknown: norms hold up to a common factor.',
    'Put the adapter_config.json of the training run beside the weights.',
  ),
  'adapter-delta-not-formed': errorCode(
    'The change of a weight cannot be formed from the tensors of the adapter.',
    'Check that the adapter was trained on this base and was saved whole.',
  ),
  'adapter-tensor-inferred': informationCode(
    'A tensor without a name was placed at the only weight of its shape.',
    'Convert the adapter to a naming with module names to be sure.',
  ),
  'adapter-kind-unsupported': errorCode(
    'The task vector of this kind of adapter cannot be formed.',
    'Merge the adapter into its base and compare the merged checkpoint, or look at its own tensors with the lens "summary".',
  ),
  'adapter-without-delta': informationCode(
    'An adapter of this kind changes no weight of the base, so it has no task vector.',
    'Look at its own tensors: soft prompts with the lens "prompts", everything else with "summary".',
  ),
  'adapter-mixed-deltas': informationCode(
    'An adapter of this kind mixes several changes by task or input, so it has no single task vector.',
    'Look at what it mixes with the lens "learned-mixtures".',
  ),
  'adapter-tensor-unplaced': warningCode(
    'A tensor of the adapter is left out: it has no place in the task vector.',
    'Check that the adapter belongs to this base and was saved whole.',
  ),
  'adapter-module-not-in-base': errorCode(
    'The adapter has tensors for modules that the base does not have.',
    'Check that this is the base the adapter was trained on, and the prefix of the tensor names.',
  ),
  'adapter-base-differs': warningCode(
    'The adapter names another base than the one of the study.',
    'Choose the base that the adapter was trained on.',
  ),
  'module-pattern-invalid': errorCode(
    'A pattern over module names cannot be read.',
    'Correct the expression; it is one of Python’s "re".',
  ),
  'lora-factor-missing': errorCode(
    'A module has lora_A without lora_B, or lora_B without lora_A.',
    'Save the adapter again; both factors of every module are needed.',
  ),
  'lora-factors-disagree': errorCode(
    'lora_A and lora_B of a module have different ranks.',
    'Save the adapter again; one of the two factors comes from another training run.',
  ),
  'rank-mismatch': errorCode(
    'The configured rank is not the rank of the tensors.',
    'Set r, or the entry of rank_pattern, to the rank of the tensors.',
  ),
  'base-shape-mismatch': errorCode(
    'The factors do not have the shape of the base’s weight.',
    'Name the base that the adapter was trained on.',
  ),
  'yaml-syntax': errorCode('The text is not valid YAML.', 'Correct it at the place named.'),
  'study-invalid': errorCode(
    'The study is not written as a study must be.',
    'Give a base and at least one task: "tasks:" with one name and path per line.',
  ),
  'study-base-adapter': errorCode(
    'The base of a study is an adapter.',
    'Name the whole checkpoint that the adapter was trained on as the base.',
  ),
  'study-base-unknown': errorCode(
    'Which of the checkpoints is the base cannot be told.',
    'Choose the base: "Deltalens: Select as Base", or --base on the command line.',
  ),
  'study-task-duplicate': errorCode(
    'Two tasks have the same name.',
    'Give each task its own name; results are told apart by it.',
  ),
  'run-empty': errorCode(
    'The folder of a training run holds no complete checkpoint.',
    'Name the folder in which the checkpoints (checkpoint-500, ...) lie, or wait until the first one is saved.',
  ),
  'run-checkpoint-unfinished': informationCode(
    'The newest checkpoint of a training run is not complete yet.',
    'Nothing is wrong while training runs; it is taken in as soon as it is complete.',
  ),
  'run-checkpoint-unreadable': warningCode(
    'A checkpoint of a training run cannot be read and is left out.',
    'Delete it if it was cut short; the others are compared without it.',
  ),
  'study-task-does-not-fit': warningCode(
    'Fewer than half of the base’s tensors have a counterpart in the task.',
    'Check that the task was trained from this base.',
  ),
  'task-name-prefix': informationCode(
    'The tensor names of base and task differ by a prefix, which was ignored.',
    'Nothing is wrong; a wrapper of the training framework adds such prefixes.',
  ),
  'task-tensor-shape': warningCode(
    'A tensor has another shape in the task than in the base.',
    'The tensor is left out of the task vector. A resized vocabulary or a new head does this.',
  ),
  'task-tensor-missing': warningCode(
    'A tensor of the base does not exist in the task.',
    'The tensor is left out of the task vector.',
  ),
  'task-tensor-new': warningCode(
    'A tensor of the task does not exist in the base.',
    'The tensor is left out of the task vector.',
  ),
  'task-tied-head': informationCode(
    'The output head is stored on one side only: it is tied to the token embedding.',
    'Nothing is wrong; the embedding counts once.',
  ),
  'task-tensor-integer': informationCode(
    'Tensors that hold no floating-point numbers are left out of the task vector.',
    'Nothing is wrong; counters and masks are not trained.',
  ),
  'task-tensor-not-finite': warningCode(
    'A tensor of base or task holds NaN or infinities; these entries are left out of the task vector.',
    'Run the lens "summary" on base and task: it names the entries.',
  ),
  'model-config-invalid': warningCode(
    'The config.json beside the weights cannot be read, so what it says of the model is unknown.',
    'Put the config.json of the model beside its weights.',
  ),
  'model-config-field': warningCode(
    'A field of the config.json beside the weights has a value of the wrong type and is ignored.',
    'Correct the field in config.json.',
  ),
  'head-split-unknown': errorCode(
    'How the attention of a model is split into heads is not known.',
    'Put the config.json of the model beside its weights, or set the parameter "heads" (for grouped queries "key_value_heads", too).',
  ),
  'attention-missing': errorCode(
    'A model has no attention whose weights can be told apart by their names.',
    'Choose a transformer whose tensors have the names of its framework.',
  ),
  'matrix-not-finite': warningCode(
    'A matrix holds NaN or infinities, so it has no singular values.',
    'Run the lens "summary" on base and task: it names the entries.',
  ),
  'matrix-too-large': warningCode(
    'A matrix is too large for its singular vectors to be held in memory.',
    'The lens "spectrum" needs no vectors and takes matrices of any size.',
  ),
  'attention-left-out': warningCode(
    'An attention block is left out: it cannot be split into heads, lacks a tensor, or holds NaN or infinities.',
    'The other blocks are shown. For NaN and infinities the lens "summary" names the entries.',
  ),
  'embedding-missing': errorCode(
    'There is no token embedding or output head whose rows could be compared.',
    'Choose a model with a vocabulary or classes, and tasks that train these tensors.',
  ),
  'experts-missing': errorCode(
    'No model of the study has experts whose weights can be told apart by their names.',
    'Choose a mixture of experts: Mixtral, Qwen-MoE, DeepSeek and others, unquantised.',
  ),
  'experts-left-out': informationCode(
    'Some experts, or a model, are left out of the comparison of experts.',
    'Merge an adapter into its base to see its experts; look at odd experts with the lens "summary".',
  ),
  'task-dtype-differs': informationCode(
    'Base and task are stored in different precisions, so a task vector also holds rounding errors.',
    'For an exact comparison take both in the precision in which the task was trained.',
  ),
} as const;

/** Every code that this room gives to a problem or finding. */
export type ModelCode = keyof typeof CODES;

const TABLE = codeTable<ModelCode>(CODES);

/** Every code of this room, for `docs/findings.md`. */
export const MODEL_CODES = TABLE.list;

/** A failed result with the action that belongs to its code. */
export const refuse = TABLE.refuse;

/** A finding with the severity and help that belong to its code. */
export const modelFinding = TABLE.finding;

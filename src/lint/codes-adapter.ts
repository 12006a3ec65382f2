import type { CodeEntry } from './codes';
import { ADAPTER_CONFIG_CODES } from './codes-adapter-config';

const TENSORS = 'Adapter against its tensors';
const BASE = 'Adapter against its base';

/** Codes of adapters. */
export const ADAPTER_CODES = {
  ...ADAPTER_CONFIG_CODES,
  'adapter-weights-unreadable': {
    family: TENSORS,
    severity: 'error',
    title: 'The weights beside the configuration cannot be opened.',
    action: 'Do what the message says about that file.',
  },
  'adapter-without-lora': {
    family: TENSORS,
    severity: 'error',
    title: 'The configuration says LoRA, and no tensor is a LoRA factor.',
    explanation: 'PEFT loads such an adapter with freshly initialised factors: it does nothing.',
    action: 'Check that adapter_model.safetensors belongs to this configuration.',
  },
  'lora-factor-missing': {
    family: TENSORS,
    severity: 'error',
    title: 'A module has lora_A without lora_B, or lora_B without lora_A.',
    explanation:
      'PEFT keeps its own initial value for the missing factor, so the module gets a wrong or no change.',
    action: 'Save the adapter again; both factors of every module are needed.',
  },
  'lora-factors-disagree': {
    family: TENSORS,
    severity: 'error',
    title: 'lora_A and lora_B of a module have different ranks.',
    explanation: 'Their product does not exist.',
    action: 'Save the adapter again; one of the two factors comes from another training run.',
  },
  'rank-mismatch': {
    family: TENSORS,
    severity: 'error',
    title: 'r is not the rank of the tensors.',
    explanation: 'PEFT makes factors of rank r and then fails with a size mismatch.',
    action: 'Set r to the rank of the tensors, or state exceptions in rank_pattern.',
  },
  'rank-pattern-mismatch': {
    family: TENSORS,
    severity: 'error',
    title: 'An entry of rank_pattern is not the rank of the tensors it is for.',
    explanation: 'PEFT makes factors of that rank and then fails with a size mismatch.',
    action: 'Set the entry to the rank of the tensors.',
  },
  'module-pattern-unused': {
    family: TENSORS,
    severity: 'warning',
    title: 'An entry of rank_pattern or alpha_pattern is for no module of the adapter.',
    explanation: 'It has no effect; the modules that were meant get r and lora_alpha.',
    action: 'Correct the module name, or remove the entry.',
  },
  'target-module-unused': {
    family: TENSORS,
    severity: 'warning',
    title: 'A target module has no tensors in the adapter.',
    explanation:
      'PEFT leaves the module at its initial value, so nothing was learnt there, or it was not saved.',
    action: 'Remove the name, or check that the adapter was saved completely.',
  },
  'tensor-not-targeted': {
    family: TENSORS,
    severity: 'error',
    title: 'The adapter has tensors for a module that target_modules does not name.',
    explanation: 'PEFT makes no LoRA layer there and drops the tensors: part of the training is lost.',
    action: 'Add the module to target_modules.',
  },
  'lora-b-zero': {
    family: TENSORS,
    severity: 'warning',
    title: 'One factor is zero in every module: the adapter does nothing.',
    explanation:
      'lora_B starts at zero, so this is an adapter that was never trained, or was not saved after training.',
    action: 'Check that the right checkpoint was saved and that lora_B received gradients.',
  },
  'lora-b-partly-zero': {
    family: TENSORS,
    severity: 'information',
    title: 'One factor is zero in some modules: the adapter does nothing there.',
    explanation: 'lora_B starts at zero; these modules received no gradient.',
    action: 'If that was not intended, check which modules were frozen or never used in training.',
  },
  'dora-magnitude-missing': {
    family: TENSORS,
    severity: 'error',
    title: 'use_dora is true, and modules have no lora_magnitude_vector.',
    explanation: 'PEFT takes the norms of the base instead of the learnt magnitudes.',
    action: 'Set use_dora to false if it was plain LoRA; otherwise save the adapter again.',
  },
  'dora-not-declared': {
    family: TENSORS,
    severity: 'error',
    title: 'The tensors are those of DoRA, and use_dora is not true.',
    explanation: 'PEFT drops the magnitudes and applies plain LoRA: a different model.',
    action: 'Set use_dora to true.',
  },
  'rslora-over-scaled': {
    family: TENSORS,
    severity: 'warning',
    title: 'With rsLoRA the scale of the adapter is unusually large.',
    explanation:
      'rsLoRA scales by α/√r (Kalajdzievski 2023). An α chosen for α/r is √r times too strong with it, and loaders that do not know use_rslora apply α/r instead.',
    action: 'Check that use_rslora was on in training.',
  },
  'adapter-over-ranked': {
    family: TENSORS,
    severity: 'information',
    title: 'The adapter has at least twice the rank that its changes use.',
    explanation:
      'The energy is the sum of squared singular values of s·B·A; 99 % of it fit into the rank named.',
    action: 'Resize the adapter to the rank named where size or speed matters.',
  },
  'adapter-beyond-float16': {
    family: TENSORS,
    severity: 'warning',
    title: 'The change of a module has a norm beyond what float16 holds.',
    explanation: 'Merging it into a float16 base may give infinities.',
    action: 'Do not merge it in float16; check scale and training of these modules.',
  },
  'adapter-rounded-away': {
    family: BASE,
    severity: 'warning',
    title: 'The typical change of a module is smaller than half a step of the element type of the base.',
    explanation:
      'BF16 keeps 8 bits of a number, F16 11: a merge in that type rounds such changes to nothing. Root mean squares of change and weight are compared.',
    action: 'Keep the adapter separate, or merge into a float32 copy of the base.',
  },
  'adapter-saved-large': {
    family: TENSORS,
    severity: 'information',
    title: 'Most of the adapter are whole copies of modules.',
    explanation:
      'PEFT saves modules_to_save whole, and embeddings, too, where it finds the vocabulary changed.',
    action: 'Leave out what was not trained.',
  },
  'adapter-not-served': {
    family: TENSORS,
    severity: 'information',
    title: 'The adapter has parts that servers of adapters refuse or leave out.',
    explanation:
      'vLLM and llama.cpp load low-rank factors beside a base; whole modules and DoRA magnitudes are no such factors.',
    action: 'Bake the adapter into its base to serve it.',
  },
  'adapter-vocabulary-resized': {
    family: BASE,
    severity: 'warning',
    title: 'The adapter was trained with another vocabulary than the base has.',
    action: 'Resize the embeddings of the base before the adapter is loaded.',
  },
  'adapter-tied-embeddings': {
    family: BASE,
    severity: 'warning',
    title: 'The adapter changes embeddings that the base ties to its head.',
    explanation:
      'The embedding and the head are one tensor there: merged into one, the change reaches both; a trained head is lost.',
    action: 'Untie the weights before merging, or train with ensure_weight_tying.',
  },
  'adapter-near-duplicate': {
    family: TENSORS,
    severity: 'information',
    title: 'Another adapter of the workspace makes almost the same change.',
    explanation: 'The cosine of s·B·A of both, over modules spread over the depth, is 0.99 or more.',
    action: 'Keep one of the two: a merge with both counts the same change twice.',
  },
  'adapter-pickle-differs': {
    family: TENSORS,
    severity: 'warning',
    title: 'A pickle beside the weights holds other weights.',
    explanation:
      'Loaders differ in which of the two they take. The pickle was read as data; nothing of it ran.',
    action: 'Delete the file that is left from an earlier save.',
  },
  'base-not-named': {
    family: BASE,
    severity: 'information',
    title: 'The adapter does not say which base it belongs to.',
    action: 'Write the path or hub name of the base to base_model_name_or_path.',
  },
  'base-not-on-disk': {
    family: BASE,
    severity: 'information',
    title: 'The base is named by a hub name and is not in the workspace.',
    explanation: 'Deltalens never downloads anything, so the adapter cannot be compared with its base.',
    action: 'Point base_model_name_or_path to a local copy, or choose the base when you open a lens.',
  },
  'base-path-missing': {
    family: BASE,
    severity: 'warning',
    title: 'The base is named by a path that does not exist.',
    explanation: 'Trainers write the path of their own machine, which means nothing elsewhere.',
    action: 'Point base_model_name_or_path to where the base is now.',
  },
  'base-config-differs': {
    family: BASE,
    severity: 'warning',
    title: 'The config.json beside the adapter is of another base than the one it names.',
    explanation:
      'A name stands for whatever lies there now: another version or size of the model, for example.',
    action: 'Name the base that the adapter was trained on.',
  },
  'adapter-saved-untrained': {
    family: BASE,
    severity: 'information',
    title: 'A whole module that the adapter keeps is the base’s, bit by bit.',
    explanation: 'It says which base the adapter was trained on, and that this module was not trained.',
    action: 'Leave it out to make the adapter smaller.',
  },
  'base-path-absolute': {
    family: BASE,
    severity: 'information',
    title: 'The base is named by an absolute path.',
    explanation: 'Whoever gets the adapter does not have that folder, and learns the names of yours.',
    action: 'Write the hub name of the base, or a path relative to the adapter, before you share it.',
  },
  'base-outside-workspace': {
    family: BASE,
    severity: 'warning',
    title: 'The base lies outside the opened folders and is not opened.',
    explanation:
      'A configuration may come from anywhere, so a path in it is not followed out of the workspace.',
    action: 'Add the folder of the base to the workspace, or choose the base when you open a lens.',
  },
  'base-unreadable': {
    family: BASE,
    severity: 'warning',
    title: 'The base is there but cannot be opened.',
    action: 'Do what the message says about that file.',
  },
  'target-module-not-in-base': {
    family: BASE,
    severity: 'warning',
    title: 'A target module does not exist in the base.',
    explanation: 'PEFT accepts the list as long as one name matches and silently ignores the others.',
    action: 'Correct the name, or remove it.',
  },
  'adapter-module-not-in-base': {
    family: BASE,
    severity: 'error',
    title: 'The adapter has tensors for modules that the base does not have.',
    explanation: 'Loaders drop such tensors, most of them silently: the adapter does nothing there.',
    action: 'Check that this is the base the adapter was trained on, and the prefix of the tensor names.',
  },
  'base-shape-mismatch': {
    family: BASE,
    severity: 'error',
    title: 'The factors do not have the shape of the base’s weight.',
    explanation: 'The adapter was trained on a base of another size.',
    action: 'Name the base that the adapter was trained on.',
  },
} as const satisfies Record<string, CodeEntry>;

import type { CodeEntry } from './codes';

const CONFIGURATION = 'Adapter configuration (adapter_config.json)';

/** Codes of configurations of adapters by themselves. */
export const ADAPTER_CONFIG_CODES = {
  'adapter-config-foreign': {
    family: CONFIGURATION,
    severity: 'information',
    title: 'The configuration was written by another library than PEFT.',
    explanation:
      'MLX and AdapterHub use the same file name for their own configurations, which are not checked yet.',
    action: 'Nothing is wrong; convert the adapter to PEFT layout to have it analysed.',
  },
  'peft-type-missing': {
    family: CONFIGURATION,
    severity: 'error',
    title: 'peft_type is missing.',
    explanation: 'PEFT refuses to load an adapter whose kind it does not know.',
    action: 'Write "peft_type": "LORA", or the kind that the adapter has.',
  },
  'peft-type-misspelt': {
    family: CONFIGURATION,
    severity: 'error',
    title: 'peft_type is almost the name of a known kind.',
    explanation: 'PEFT compares the name letter by letter, capitals included.',
    action: 'Write the name as PEFT does.',
  },
  'peft-type-not-analysed': {
    family: CONFIGURATION,
    severity: 'information',
    title: 'Adapters of this kind are not analysed yet.',
    explanation: 'Only LoRA and its variants rsLoRA and DoRA are checked against tensors and base.',
    action: 'Nothing is wrong; the tensors can still be inspected.',
  },
  'adapter-field-type': {
    family: CONFIGURATION,
    severity: 'error',
    title: 'A field has a value of the wrong type.',
    explanation: 'PEFT does not check types when it loads: it fails later, or computes something else.',
    action: 'Write a value of the type named.',
  },
  'adapter-field-value': {
    family: CONFIGURATION,
    severity: 'error',
    title: 'A field has a value that it cannot have.',
    action: 'Write one of the values named.',
  },
  'adapter-field-misspelt': {
    family: CONFIGURATION,
    severity: 'warning',
    title: 'An unknown key looks like a misspelling of a known one.',
    explanation:
      'PEFT drops keys it does not know with a warning, and takes the default of the one that was meant.',
    action: 'Rename the key.',
  },
  'target-modules-missing': {
    family: CONFIGURATION,
    severity: 'warning',
    title: 'target_modules is missing.',
    explanation: 'PEFT then guesses from the model type, and refuses models it has no guess for.',
    action: 'List the modules that were trained.',
  },
  'module-pattern-invalid': {
    family: CONFIGURATION,
    severity: 'error',
    title: 'A regular expression over module names is not valid.',
    explanation: 'PEFT reads it with Python’s "re", which raises an error.',
    action: 'Correct the expression at the position named.',
  },
  'lora-alpha-zero': {
    family: CONFIGURATION,
    severity: 'warning',
    title: 'lora_alpha is 0.',
    explanation:
      'The scale of the adapter is lora_alpha / r (with rsLoRA lora_alpha / √r), so the adapter does nothing.',
    action: 'Write the value that was used in training.',
  },
} as const satisfies Record<string, CodeEntry>;

import type { WrittenTensor } from '../../model/manifest/read-manifest';

/** What PEFT writes before the base's name, and where an adapter's own part of a name begins. */
const PEFT_PREFIX = /^base_model\.model\./;
const FACTOR = /\.(?:lora_|vera_|hada_|lokr_|oft_|boft_|lora\.(?:up|down)\b).*$/;

/**
 * What to confine a spectrum to for a tensor's line: the name of the tensor, of a factor of an adapter that of its module. `null`
 * where the tensor is no matrix, and for a name that a list of parts of names cannot have.
 */
export function spectrumTarget({ name, text, length }: WrittenTensor): string | null {
  if (!/^ +\S+ +\d+x\d/.test(text.slice(length))) return null;
  const target = name.replace(PEFT_PREFIX, '').replace(FACTOR, '');
  return target === '' || /[,\s]/.test(target) ? null : target;
}

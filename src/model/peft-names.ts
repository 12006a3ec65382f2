/** What the name of a tensor in a PEFT adapter says. */
export interface PeftTensorName {
  /** The base's module that it belongs to: `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  /**
   * `lora_A`, `lora_B`, `lora_embedding_A`, `lora_embedding_B`, `lora_magnitude_vector`, `ia3_l`, ...; for a parameter that
   * was trained and saved whole (`modules_to_save`, biases) the parameter itself: `weight`, `bias`.
   */
  readonly factor: string;
}

const PREFIX = /^(?:base_model\.model\.|base_model\.)/;

// The tensor of a factor, after its module: `.lora_A.weight`, `.lora_A.default.weight`, `.lora_embedding_A`, `.ia3_l`.
const FACTOR =
  /\.(lora_(?:embedding_)?[AB]|lora_E|lora_magnitude_vector|(?:vera|hada|lokr|ia3|oft|boft|randlora|fourierft|hra|bone|miss)_[A-Za-z0-9_]+)(?:\.([^.]+))?(?:\.([^.]+))?$/;
const SAVED_WHOLE = /^(.+)\.modules_to_save(?:\.[^.]+)?\.([^.]+)$/;

/**
 * Reads the name of a tensor as PEFT writes it, of any age and with or without the adapter's name
 * (`lora_A.weight`, `lora_A.default.weight`); `null` where it is no name of PEFT's.
 */
export function parsePeftTensorName(name: string): PeftTensorName | null {
  const bare = name.replace(PREFIX, '');
  const hasPrefix = bare !== name;
  const factor = FACTOR.exec(`.${bare}`);
  if (factor) {
    const module = `.${bare}`.slice(1, factor.index);
    // The bias that `lora_bias` adds is no factor of the product.
    const isBias = factor[3] === 'bias' || (factor[3] === undefined && factor[2] === 'bias');
    return { module: withoutWrapper(module), factor: isBias ? `${factor[1] ?? ''}.bias` : (factor[1] ?? '') };
  }
  const saved = SAVED_WHOLE.exec(bare);
  if (saved) return { module: withoutWrapper(saved[1] ?? ''), factor: saved[2] ?? '' };
  if (!hasPrefix) return null;
  const dot = bare.lastIndexOf('.');
  return { module: withoutWrapper(bare.slice(0, Math.max(dot, 0))), factor: bare.slice(dot + 1) };
}

/** Whether a factor is a parameter of the base that was saved whole. */
export function isSavedWhole(factor: string): boolean {
  return !FACTOR.test(`.${factor}`);
}

function withoutWrapper(module: string): string {
  return module.replace(/\.base_layer$/, '');
}

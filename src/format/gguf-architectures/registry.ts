import { partsOfName, type GgufNaming } from '../gguf-naming';
import { CHATGLM_FUSED, CLASSIC, FALCON_TWO_NORMS } from './classic';
import { DENSE } from './dense';
import { ENCODERS, T5_PLAIN } from './encoders';
import { MIXTURES } from './experts';
import { FUSED_EXPERTS } from './fused-experts';
import { GEMMA } from './gemma';
import { RECURRENT } from './recurrent';

/**
 * By `general.architecture`, from gguf-py's `tensor_mapping.py` and the converters of llama.cpp
 * (https://github.com/ggml-org/llama.cpp, conversion/), under the names that transformers writes for the usual class.
 * Left out are architectures that conversion scales (Falcon-H1, JAIS, PLaMo), or whose names are those of several classes.
 */
export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufNaming>> = {
  ...DENSE,
  ...GEMMA,
  ...MIXTURES,
  ...FUSED_EXPERTS,
  ...RECURRENT,
  ...CLASSIC,
  ...ENCODERS,
};

/** How an architecture is named, whose tensors in the file have these names; `undefined` where that is not known for sure. */
export function namingOf(architecture: string, tensors: readonly string[]): GgufNaming | undefined {
  if (!Object.hasOwn(GGUF_ARCHITECTURES, architecture)) return undefined;
  const has = (module: string) => tensors.some((name) => partsOfName(name)?.module === module);
  if (architecture === 'falcon' && has('attn_norm_2')) return FALCON_TWO_NORMS;
  if (architecture === 'chatglm' && has('attn_qkv')) return CHATGLM_FUSED;
  if (architecture.startsWith('t5') && !has('ffn_gate')) return T5_PLAIN;
  return GGUF_ARCHITECTURES[architecture];
}

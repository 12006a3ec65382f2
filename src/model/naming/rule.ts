/** One naming rule: which tensors it means, and what they are. The first rule that matches a name wins. */
export interface NamingRule {
  /**
   * Matched against the tensor's name in lower case, without its parameter part (`.weight`, `.bias`, ...) and with the
   * numbers of layer and expert written as `#`: `model.layers.#.self_attn.q_proj`.
   */
  readonly pattern: RegExp;
  readonly module: string;
  /** Only for tensors outside every numbered layer. */
  readonly outside?: true;
  /** Row of a heatmap outside every numbered layer, where the role does not say it already. */
  readonly row?: 'input' | 'output';
}

// A part of a dotted name: what stands before it, and what it ends with.
export const CROSS =
  '(?:encdecattention|encoder_attn|crossattention|cross_attn|cross_attention|attn2|xattn|multihead_attn)';
export const ATTENTION = '(?:attention|self_attn|self_attention|selfattention|attn|attn1|mixer|sa)';
export const EXPERTS = '(?:experts|expert)(?:\\.#)?(?:\\.mlp)?';
export const SHARED = '(?:shared_experts?(?:\\.\\d+)?|shared_mlp)';

/** A rule for names that end with one of several (`a|b`), whatever stands before. */
export function last(names: string): RegExp {
  return new RegExp(`(?:^|\\.)(?:${names})$`);
}

/** A rule for names that end with one of several right below a container. */
export function within(container: string, names: string): RegExp {
  return new RegExp(`(?:^|\\.)${container}\\.(?:${names})$`);
}

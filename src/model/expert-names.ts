/** What a tensor of an expert holds: `gate-up` both in one. */
export type ExpertPart = 'gate' | 'up' | 'gate-up' | 'down';

/** A tensor of a mixture, by its name. */
export interface ExpertTensor {
  /** What all tensors of the mixture begin with: `model.layers.3.block_sparse_moe`. */
  readonly container: string;
  readonly part: ExpertPart | 'router';
  /** `null` in a stack of all experts, for a router, and for the only shared expert. */
  readonly expert: number | null;
  readonly shared: boolean;
}

const PARTS: Readonly<Record<string, ExpertPart>> = {
  gate_proj: 'gate',
  w1: 'gate',
  wi_0: 'gate',
  up_proj: 'up',
  w3: 'up',
  wi_1: 'up',
  wi: 'up',
  fc1: 'up',
  c_fc: 'up',
  linear_fc1: 'up',
  v1: 'up',
  gate_up_proj: 'gate-up',
  input_linear: 'gate-up',
  down_proj: 'down',
  w2: 'down',
  wo: 'down',
  fc2: 'down',
  c_proj: 'down',
  linear_fc2: 'down',
  output_linear: 'down',
};
const PART = `(${Object.keys(PARTS).join('|')})`;
const WEIGHT = '(?:\\.(?:weight|kernel))?$';

/** Experts one by one: Mixtral, DeepSeek, Qwen, OLMoE, Jamba; Switch and NLLB call them `expert_0`. */
const SPLIT = new RegExp(`^(.*?)\\.experts\\.(?:expert_)?(\\d+)\\.(?:mlp\\.)?${PART}${WEIGHT}`);
/** Experts in one tensor: Llama 4, gpt-oss, Qwen3-VL; DBRX below `experts.mlp`. */
const STACKED = new RegExp(`^(.*?)\\.experts\\.(?:mlp\\.)?${PART}${WEIGHT}`);
/** Granite and JetMoE: experts in one tensor, without saying so. */
const GRANITE = new RegExp(
  `^(.*?(?:block_sparse_moe|\\.mlp|\\.moe))\\.(input_linear|output_linear)${WEIGHT}`,
);
const SHARED = new RegExp(`^(.*?)\\.(?:shared_experts?|shared_mlp)\\.(?:(\\d+)\\.)?${PART}${WEIGHT}`);
const ROUTER =
  /^(.*?)\.(?:gate|gate\.wg|router|router\.classifier|router\.layer|router\.gate)(?:\.(?:weight|kernel))$/;

/** What a tensor is in a mixture of experts; `null` for all others. A gate without experts beside it is read as a router, too. */
export function expertTensorOf(name: string): ExpertTensor | null {
  const split = SPLIT.exec(name);
  if (split) return expert(split[1], split[3], Number(split[2]), false);
  const shared = SHARED.exec(name);
  if (shared) return expert(shared[1], shared[3], shared[2] === undefined ? null : Number(shared[2]), true);
  const stacked = STACKED.exec(name) ?? GRANITE.exec(name);
  if (stacked) return expert(stacked[1], stacked[2], null, false);
  const router = ROUTER.exec(name);
  return router ? { container: router[1] ?? '', part: 'router', expert: null, shared: false } : null;
}

function expert(
  container: string | undefined,
  word: string | undefined,
  number: number | null,
  shared: boolean,
): ExpertTensor | null {
  const part = PARTS[word ?? ''];
  return part && container !== undefined ? { container, part, expert: number, shared } : null;
}

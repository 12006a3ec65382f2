import type { Checkpoint, TensorEntry } from '../../format/checkpoint';
import { readSpan } from '../../format/read';
import { success, type Result } from '../../protocol/result';
import { decode } from '../../tensor/decode';

/**
 * How gates are called behind the module they belong to: `expert_lora.expert_input_gate` while one is trained and
 * `router.expert_embeddings__0` afterwards in the code of PHATGOOSE; others say `lora_gate` or `gate_vector`.
 */
const GATE = /(?:^|[._])(?:expert_input_gate|expert_embeddings|input_gate|lora_gate|gate_vector)(?:[._]|$)/;

/**
 * The gate vector that was trained for an adapter in one matrix of the base: a vector as long as the matrix's input, below
 * the name of its module. `null` where the file has none, or more than one. Fails as reading does.
 */
export async function gateOf(
  checkpoint: Checkpoint,
  tensor: string,
  inputs: number,
): Promise<Result<Float64Array | null>> {
  const module = tensor.replace(/\.weight$/, '');
  const found = checkpoint.tensors.filter((entry) => isGate(entry, module, inputs));
  const [only] = found;
  if (only === undefined || found.length > 1) return success(null);
  const bytes = await readSpan(only.span);
  if (!bytes.ok) return bytes;
  return success(decode(only.span.dtype, bytes.value, only.span.count));
}

function isGate({ name, span }: TensorEntry, module: string, inputs: number): boolean {
  const at = `.${name}`.indexOf(`.${module}.`);
  if (at < 0 || span.count !== inputs) return false;
  if (span.shape.filter((size) => size !== 1).length > 1) return false;
  return GATE.test(name.slice(at + module.length + 1));
}

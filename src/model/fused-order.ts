import type { FusedOrder } from './architecture';

/** Fused tensors whose rows are not simply queries, keys, values; the first that matches a name counts. */
const ORDERS: readonly { readonly pattern: RegExp; readonly order: FusedOrder }[] = [
  // ChatGLM 2 to 4.
  { pattern: /(?:^|\.)encoder\.layers\.\d+\.self_attention\.query_key_value(?:\.|$)/, order: 'blocks' },
  // GPT-NeoX, Pythia, BLOOM, Falcon, ChatGLM, Persimmon, Megatron.
  { pattern: /(?:^|\.)(?:query_key_value|linear_qkv)(?:\.|$)/, order: 'groups' },
  // InternLM2.
  { pattern: /(?:^|\.)model\.layers\.\d+\.attention\.wqkv(?:\.|$)/, order: 'groups' },
  { pattern: /(?:^|\.)h\.\d+\.attn\.qkv_proj(?:\.|$)/, order: 'codegen' },
];

/**
 * The order of rows in a fused tensor by its name alone. Falcon with one key for all queries is covered by `groups`:
 * it has one group.
 */
export function fusedOrderByName(tensorName: string): FusedOrder {
  return ORDERS.find(({ pattern }) => pattern.test(tensorName))?.order ?? 'blocks';
}

/** First row of every head's query, key and value in a fused tensor. */
export interface FusedStarts {
  readonly query: readonly number[];
  readonly key: readonly number[];
  readonly value: readonly number[];
}

const CODEGEN_PARTS = 4;

/** Where the heads lie in a fused tensor of `(heads + 2 · keyValueHeads) · size` rows. `heads` is a multiple of `keyValueHeads`. */
export function fusedStarts(
  order: FusedOrder,
  heads: number,
  keyValueHeads: number,
  size: number,
): FusedStarts {
  const list = (count: number, first: (index: number) => number) =>
    Array.from({ length: count }, (_, index) => first(index) * size);
  switch (order) {
    case 'blocks':
      return {
        query: list(heads, (head) => head),
        key: list(keyValueHeads, (head) => heads + head),
        value: list(keyValueHeads, (head) => heads + keyValueHeads + head),
      };
    case 'groups': {
      const shared = heads / keyValueHeads;
      const group = (index: number) => index * (shared + 2);
      return {
        query: list(heads, (head) => group(Math.floor(head / shared)) + (head % shared)),
        key: list(keyValueHeads, (head) => group(head) + shared),
        value: list(keyValueHeads, (head) => group(head) + shared + 1),
      };
    }
    case 'codegen': {
      const local = heads / CODEGEN_PARTS;
      const at = (head: number, part: number) =>
        (Math.floor(head / local) * 3 + part) * local + (head % local);
      return {
        query: list(heads, (head) => at(head, 0)),
        key: list(keyValueHeads, (head) => at(head, 2)),
        value: list(keyValueHeads, (head) => at(head, 1)),
      };
    }
  }
}

/** Whether heads can be laid out in this order at all. */
export function orderFits(order: FusedOrder, heads: number, keyValueHeads: number): boolean {
  return order !== 'codegen' || (heads === keyValueHeads && heads % CODEGEN_PARTS === 0);
}

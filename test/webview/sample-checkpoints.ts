import type {
  Breakdown,
  CheckpointView,
  TensorColumns,
  TensorDetail,
  TensorStatistics,
} from '../../src/protocol/checkpoint';

const PARTS = [
  ['self_attn.q_proj', 'attention.query', [4096, 4096]],
  ['self_attn.k_proj', 'attention.key', [1024, 4096]],
  ['self_attn.v_proj', 'attention.value', [1024, 4096]],
  ['self_attn.o_proj', 'attention.output', [4096, 4096]],
  ['mlp.gate_proj', 'mlp.gate', [14336, 4096]],
  ['mlp.up_proj', 'mlp.up', [14336, 4096]],
  ['mlp.down_proj', 'mlp.down', [4096, 14336]],
  ['input_layernorm', 'norm.attention', [4096]],
  ['post_attention_layernorm', 'norm.mlp', [4096]],
] as const;

/** A checkpoint of a decoder with that many tensors, in the order of plain text, as files often have them. */
export function sampleCheckpoint(count: number, extra: Partial<CheckpointView> = {}): CheckpointView {
  const tensors = Array.from({ length: count }, (_, index) => {
    const layer = Math.floor(index / PARTS.length);
    const [part, module, shape] = PARTS[index % PARTS.length] ?? PARTS[0];
    return {
      name: `model.layers.${String(layer)}.${part}.weight`,
      layer: `model.layers.${String(layer)}`,
      module,
      shape,
    };
  }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const parameters = tensors.map(({ shape }) => shape.reduce((product: number, size) => product * size, 1));
  const columns: TensorColumns = {
    name: tensors.map(({ name }) => name),
    dtype: tensors.map(({ module }) => (module.startsWith('norm') ? 'F32' : 'BF16')),
    shape: tensors.map(({ shape }) => shape),
    parameters,
    bytes: parameters.map((size) => size * 2),
    file: tensors.map(() => 0),
    offset: tensors.map((_, index) => 8 + index * 1000),
    layer: tensors.map(({ layer }) => layer),
    module: tensors.map(({ module }) => module),
  };
  const total = parameters.reduce((sum, size) => sum + size, 0);
  return {
    path: '/models/base/model.safetensors',
    name: 'base',
    kind: 'checkpoint',
    container: 'safetensors',
    fingerprint: '0123456789abcdef',
    files: [{ path: '/models/base/model.safetensors', bytes: total * 2 + 4096 }],
    parameters: total,
    bytes: total * 2,
    tensorCount: count,
    dtypes: breakdown(columns.dtype, parameters),
    modules: breakdown(columns.module, parameters),
    metadata: { format: 'pt', config: JSON.stringify({ note: 'x'.repeat(600) }) },
    architecture: 'llama, LlamaForCausalLM',
    tensors: columns,
    findings: [],
    ...extra,
  };
}

function breakdown(labels: readonly string[], parameters: readonly number[]): Breakdown[] {
  const sums = new Map<string, { tensors: number; parameters: number }>();
  labels.forEach((label, index) => {
    const sum = sums.get(label) ?? { tensors: 0, parameters: 0 };
    sums.set(label, { tensors: sum.tensors + 1, parameters: sum.parameters + (parameters[index] ?? 0) });
  });
  return [...sums].map(([label, sum]) => ({ label, ...sum, bytes: sum.parameters * 2 }));
}

const STATISTICS: TensorStatistics = {
  count: 8320,
  mean: 1.2e-4,
  std: 0.0123,
  min: -0.11,
  max: 0.107,
  absmax: 0.11,
  l1: 33.2,
  l2: 1.53,
  zeros: 12,
  nan: 2,
  inf: 1,
  nonFinite: [
    { position: [0, 3], value: 'NaN' },
    { position: [1, 7], value: '-Inf' },
  ],
  histogram: {
    edges: Array.from({ length: 65 }, (_, index) => -0.11 + (index * 0.22) / 64),
    counts: Array.from({ length: 64 }, (_, index) => Math.round(900 * Math.exp(-((index - 32) ** 2) / 60))),
  },
};

/** Statistics as the server would answer them. */
export function sampleDetail(tensor: string): TensorDetail {
  return {
    tensor,
    dtype: 'BF16',
    shape: [64, 130],
    statistics: STATISTICS,
    statisticsOf: 'opened',
    delta: { ...STATISTICS, nan: 0, inf: 0, nonFinite: [] },
  };
}

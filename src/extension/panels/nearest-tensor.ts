/**
 * The tensor of a checkpoint that a lens meant by `tensor`. Lenses name an adapter's change by the base's tensor
 * (`model.layers.0.mlp.up_proj.weight`), while the file has that name's stem inside the names of its factors
 * (`base_model.model.model.layers.0.mlp.up_proj.lora_A.weight`): then the first such factor. `null`: neither.
 */
export function nearestTensor(names: readonly string[], tensor: string): string | null {
  if (names.includes(tensor)) return tensor;
  const stem = tensor.replace(/\.(weight|bias)$/, '');
  return names.find((name) => name.includes(`.${stem}.`)) ?? null;
}

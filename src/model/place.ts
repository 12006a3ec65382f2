/** Where a tensor stands in the network, found from its name by `naming.ts`. */
export interface Place {
  /** The name up to and including its first numeric part (`vit.encoder.layer.3`), else `(other)`. */
  readonly layer: string;
  /** Short label of the layer for an axis: `layer 3`, `encoder 3`. */
  readonly layerLabel: string;
  /** Row of a heatmap: the layer, or for `(other)` tensors `input` (embeddings) or `output` (last norm, head). */
  readonly row: string;
  /** `attention.query`, `mlp.up`, `norm.attention`, `embedding.token`, `head`, ... or `other`. */
  readonly module: string;
  /** Part of the network by role, for energy splits. */
  readonly role: 'attention' | 'mlp' | 'norm' | 'embedding' | 'head' | 'convolution' | 'other';
  /** Expert number in a mixture, where there is one. */
  readonly expert?: number;
}

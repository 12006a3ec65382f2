/** Parts that say nothing about the place: wrappers of a framework, and what an adapter adds to a module's name. */
export const TRANSPARENT_PARTS: ReadonlySet<string> = new Set([
  'base_model',
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
  '_forward_module',
  'base_layer',
  'original_module',
]);

/** Last parts that name a parameter of a module, not a module. */
export const PARAMETER_PARTS: ReadonlySet<string> = new Set([
  'weight',
  'bias',
  'gamma',
  'beta',
  'running_mean',
  'running_var',
  'num_batches_tracked',
  'inv_freq',
  'scales',
  'qweight',
  'qzeros',
  'weight_scale',
  'weight_scale_inv',
  'masked_bias',
  'e_score_correction_bias',
  'kernel',
  'scale',
  'lambda1',
  'g_idx',
  'absmax',
  'quant_map',
  'scb',
  'weight_format',
  'input_scale',
]);

/** Words before a number that mean no more than "layer". */
export const LAYER_WORDS: ReadonlySet<string> = new Set([
  'layers',
  'layer',
  'block',
  'blk',
  'blocks',
  'h',
  'resblocks',
  'transformer_blocks',
  'double_blocks',
  'joint_blocks',
]);

/** Words of parts that are numbered without nesting (`conv1`, `bn1`): equal numbers share a row. */
export const FLAT_WORDS: ReadonlySet<string> = new Set([
  'conv',
  'bn',
  'norm',
  'fc',
  'lin',
  'linear',
  'dense',
  'gn',
  'ln',
]);

/** Sections of a network in the order in which data passes through them, found in a layer's name. */
export const SECTIONS: readonly {
  readonly pattern: RegExp;
  readonly label: string;
  readonly rank: number;
}[] = [
  { pattern: /(?:^|\.)(?:vision_model|vision_tower|visual|image_encoder)\./, label: 'vision', rank: 0 },
  { pattern: /(?:^|\.)(?:text_model|text_encoder)\./, label: 'text', rank: 1 },
  { pattern: /(?:^|\.)encoder\.(?:layers|block|blocks)\./, label: 'encoder', rank: 2 },
  { pattern: /(?:^|\.)(?:down_blocks|input_blocks)\./, label: 'down', rank: 3 },
  { pattern: /(?:^|\.)(?:mid_block|middle_block)\./, label: 'middle', rank: 4 },
  { pattern: /(?:^|\.)(?:up_blocks|output_blocks)\./, label: 'up', rank: 5 },
  { pattern: /(?:^|\.)decoder\./, label: 'decoder', rank: 6 },
  // Flux: after the layers of two streams.
  { pattern: /(?:^|\.)(?:single_blocks|single_transformer_blocks)\./, label: 'single', rank: 7 },
];
/** Rank of a layer in no section: after encoders, before decoders. */
export const PLAIN_SECTION_RANK = 3;

import { last, within, type NamingRule } from './rule';

/** The second stream of a two-stream transformer: text beside picture (SD3, Flux). */
const CONTEXT = '(?:txt_attn|context_block\\.attn)';

/** U-Nets of Stable Diffusion, as diffusers and as their authors name them. */
export const UNET: readonly NamingRule[] = [
  { pattern: last('(?:down|up)samplers\\.\\d+\\.conv'), module: 'convolution.resample' },
  { pattern: last('conv_in'), module: 'convolution', row: 'input' },
  { pattern: last('conv_norm_out'), module: 'norm.final', row: 'output' },
  { pattern: last('conv_out'), module: 'convolution', row: 'output' },
  { pattern: /(?:^|\.)attentions\.(?:\d+|#)\.proj_in$/, module: 'linear.in' },
  { pattern: /(?:^|\.)attentions\.(?:\d+|#)\.proj_out$/, module: 'linear.out' },
  { pattern: /(?:^|\.)resnets\.(?:\d+|#)\.norm1$/, module: 'norm.1' },
  { pattern: /(?:^|\.)resnets\.(?:\d+|#)\.norm2$/, module: 'norm.2' },
  { pattern: /(?:^|\.)attentions\.(?:\d+|#)\.transformer_blocks\.\d+\.norm2$/, module: 'norm.cross-attention' },
  { pattern: last('add_embedding\\.linear_\\d|label_emb\\.(?:#|\\d+)\\.\\d+'), module: 'embedding.class' },

  // As in the authors' own files.
  { pattern: /(?:^|\.)input_blocks\.#\.0$/, module: 'convolution' },
  { pattern: within('(?:input|output|middle)_block(?:s)?\\.#(?:\\.\\d+)?', 'in_layers\\.0'), module: 'norm.1' },
  { pattern: last('in_layers\\.2'), module: 'convolution.1' },
  { pattern: last('emb_layers\\.1'), module: 'embedding.time' },
  { pattern: last('out_layers\\.0'), module: 'norm.2' },
  { pattern: last('out_layers\\.3'), module: 'convolution.2' },
  { pattern: last('skip_connection'), module: 'convolution.shortcut' },
  { pattern: /(?:^|\.)(?:input|output)_blocks\.#\.\d+\.(?:op|conv)$/, module: 'convolution.resample' },
  { pattern: /(?:^|\.)(?:input_blocks|output_blocks|middle_block)\.#(?:\.\d+)?\.proj_in$/, module: 'linear.in' },
  { pattern: /(?:^|\.)(?:input_blocks|output_blocks|middle_block)\.#(?:\.\d+)?\.proj_out$/, module: 'linear.out' },
  { pattern: /(?:^|\.)(?:input_blocks|output_blocks|middle_block)\.#(?:\.\d+)?\.transformer_blocks\.\d+\.norm2$/, module: 'norm.cross-attention' },
  { pattern: /(?:^|\.)diffusion_model\.out\.#$/, module: 'convolution' },
  { pattern: last('time_embed(?:ding|der)?(?:\\.linear_\\d|\\.\\d|\\.#)?|time_emb_proj'), module: 'embedding.time' },
]; // prettier-ignore

/** Diffusion transformers: DiT, PixArt, Stable Diffusion 3, Flux. */
export const DIT: readonly NamingRule[] = [
  // What the picture, the text, the time and the class become before the first layer.
  { pattern: last('x_embedder(?:\\.proj)?|img_in|pos_embed\\.proj'), module: 'embedding.patch' },
  { pattern: last('context_embedder|txt_in|caption_projection\\.linear_\\d'), module: 'embedding.token' },
  {
    pattern: /(?:^|\.)(?:t_embedder|time_in|guidance_in|timestep_embedder|guidance_embedder)\./,
    module: 'embedding.time',
  },
  {
    pattern: /(?:^|\.)(?:y_embedder|vector_in|class_embedder|text_embedder)\./,
    module: 'embedding.class',
  },

  // The second stream.
  { pattern: last('add_q_proj'), module: 'context-attention.query' },
  { pattern: last('add_k_proj'), module: 'context-attention.key' },
  { pattern: last('add_v_proj'), module: 'context-attention.value' },
  { pattern: within(CONTEXT, 'qkv'), module: 'context-attention.qkv' },
  { pattern: last(`to_add_out|${CONTEXT}\\.proj`), module: 'context-attention.output' },
  {
    pattern: last('txt_mlp\\.0|context_block\\.mlp\\.fc1|ff_context\\.net\\.0\\.proj'),
    module: 'context-mlp.up',
  },
  {
    pattern: last('txt_mlp\\.2|context_block\\.mlp\\.fc2|ff_context\\.net\\.2'),
    module: 'context-mlp.down',
  },
  {
    pattern: last('txt_mod\\.lin|context_block\\.adaln_modulation\\.1|norm1_context\\.linear'),
    module: 'norm.modulation.context',
  },
  { pattern: last('norm_added_q'), module: 'norm.query' },
  { pattern: last('norm_added_k'), module: 'norm.key' },

  // Scale and shift of the norms, made from time and class.
  { pattern: /^(?:[a-z_]+\.)*(?:final_layer\.adaln_modulation\.#|norm_out\.linear)$/, module: 'norm.modulation', row: 'output' },
  { pattern: last('adaln_modulation\\.1|(?:img_)?mod(?:ulation)?\\.lin|norm1?\\.linear|adaln_single\\.linear'), module: 'norm.modulation' },
  { pattern: last('scale_shift_table'), module: 'norm.modulation' },

  // The layers of Flux.
  { pattern: within('img_attn', 'qkv'), module: 'attention.qkv' },
  { pattern: within('img_attn', 'proj'), module: 'attention.output' },
  { pattern: last('img_mlp\\.0|proj_mlp'), module: 'mlp.up' },
  { pattern: last('img_mlp\\.2'), module: 'mlp.down' },
  { pattern: last('query_norm|ln_q'), module: 'norm.query' },
  { pattern: last('key_norm|ln_k'), module: 'norm.key' },
  { pattern: /(?:^|\.)single_blocks\.#\.linear1$/, module: 'linear.in' },
  { pattern: /(?:^|\.)single_blocks\.#\.linear2$/, module: 'linear.out' },
  { pattern: /(?:^|\.)single_transformer_blocks\.#\.proj_out$/, module: 'linear.out' },
  { pattern: last('final_layer\\.linear|proj_out_\\d'), module: 'head' },
]; // prettier-ignore

import { placesFamily } from './families';

placesFamily('ViT and DeiT', {
  'embedding.class': ['input:vit.embeddings.cls_token', 'input:deit.embeddings.distillation_token'],
  'embedding.position': ['input:vit.embeddings.position_embeddings'],
  'embedding.patch': ['input:vit.embeddings.patch_embeddings.projection.weight'],
  'norm.attention': ['vit.encoder.layer.{n}.layernorm_before.weight'],
  'attention.query': ['vit.encoder.layer.{n}.attention.attention.query.weight'],
  'attention.output': ['vit.encoder.layer.{n}.attention.output.dense.weight'],
  'norm.mlp': ['vit.encoder.layer.{n}.layernorm_after.weight'],
  'mlp.up': ['vit.encoder.layer.{n}.intermediate.dense.weight'],
  'mlp.down': ['vit.encoder.layer.{n}.output.dense.weight'],
  'norm.final': ['output:vit.layernorm.weight'],
  pooler: ['output:vit.pooler.dense.weight'],
  head: ['output:classifier.weight', 'output:cls_classifier.weight', 'output:distillation_classifier.bias'],
});

placesFamily('timm', {
  'embedding.class': ['input:cls_token', 'input:dist_token'],
  'embedding.position': ['input:pos_embed'],
  'embedding.patch': ['input:patch_embed.proj.weight'],
  'norm.attention': ['blocks.{n}.norm1.weight'],
  'attention.qkv': ['blocks.{n}.attn.qkv.weight'],
  'attention.output': ['blocks.{n}.attn.proj.weight'],
  'scale.attention': ['blocks.{n}.ls1.gamma'],
  'norm.mlp': ['blocks.{n}.norm2.weight'],
  'mlp.up': ['blocks.{n}.mlp.fc1.weight'],
  'mlp.gate-up': ['blocks.{n}.mlp.w12.weight'],
  'scale.mlp': ['blocks.{n}.ls2.gamma'],
  'norm.final': ['output:norm.weight', 'output:fc_norm.weight'],
  head: ['output:head.weight'],
});

placesFamily('DINOv2', {
  'embedding.class': ['input:embeddings.mask_token', 'input:embeddings.register_tokens'],
  'norm.attention': ['encoder.layer.{n}.norm1.weight'],
  'attention.value': ['encoder.layer.{n}.attention.attention.value.bias'],
  'scale.attention': ['encoder.layer.{n}.layer_scale1.lambda1'],
  'mlp.gate-up': ['encoder.layer.{n}.mlp.weights_in.weight'],
  'mlp.down': ['encoder.layer.{n}.mlp.weights_out.weight', 'encoder.layer.{n}.mlp.fc2.weight'],
  'scale.mlp': ['encoder.layer.{n}.layer_scale2.lambda1'],
});

placesFamily('CLIP and SigLIP', {
  'embedding.token': ['input:text_model.embeddings.token_embedding.weight'],
  'embedding.position': ['input:text_model.embeddings.position_embedding.weight'],
  'embedding.patch': ['input:vision_model.embeddings.patch_embedding.weight'],
  'norm.embedding': ['input:vision_model.pre_layrnorm.weight'],
  'norm.attention': ['vision_model.encoder.layers.{n}.layer_norm1.weight'],
  'attention.query': ['text_model.encoder.layers.{n}.self_attn.q_proj.weight'],
  'attention.output': ['vision_model.encoder.layers.{n}.self_attn.out_proj.weight'],
  'norm.mlp': ['vision_model.encoder.layers.{n}.layer_norm2.weight'],
  'mlp.down': ['vision_model.encoder.layers.{n}.mlp.fc2.weight'],
  'norm.final': ['output:vision_model.post_layernorm.weight', 'output:text_model.final_layer_norm.weight'],
  head: ['output:visual_projection.weight', 'output:text_projection.weight', 'output:logit_scale', 'output:logit_bias'],
  pooler: ['output:vision_model.head.probe', 'output:vision_model.head.attention.in_proj_weight', 'output:vision_model.head.mlp.fc1.weight'],
}); // prettier-ignore

placesFamily('CLIP as OpenAI names it', {
  'embedding.token': ['input:token_embedding.weight'],
  'embedding.position': ['input:positional_embedding', 'input:visual.positional_embedding'],
  'embedding.class': ['input:visual.class_embedding'],
  'embedding.patch': ['input:visual.conv1.weight'],
  'norm.embedding': ['input:visual.ln_pre.weight'],
  'attention.qkv': ['visual.transformer.resblocks.{n}.attn.in_proj_weight', 'transformer.resblocks.{n}.attn.in_proj_bias'],
  'attention.output': ['visual.transformer.resblocks.{n}.attn.out_proj.weight'],
  'norm.attention': ['visual.transformer.resblocks.{n}.ln_1.weight'],
  'mlp.up': ['transformer.resblocks.{n}.mlp.c_fc.weight'],
  'mlp.down': ['transformer.resblocks.{n}.mlp.c_proj.weight'],
  'norm.mlp': ['transformer.resblocks.{n}.ln_2.weight'],
  'norm.final': ['output:visual.ln_post.weight', 'output:ln_final.weight'],
  head: ['output:visual.proj', 'output:text_projection', 'output:logit_scale'],
}); // prettier-ignore

placesFamily('ResNet (Hugging Face)', {
  convolution: ['input:resnet.embedder.embedder.convolution.weight'],
  norm: ['input:resnet.embedder.embedder.normalization.running_mean'],
  'convolution.1': ['resnet.encoder.stages.{n}.layers.0.layer.0.convolution.weight'],
  'norm.2': ['resnet.encoder.stages.{n}.layers.2.layer.1.normalization.weight'],
  'convolution.3': ['resnet.encoder.stages.{n}.layers.2.layer.2.convolution.weight'],
  'convolution.shortcut': ['resnet.encoder.stages.{n}.layers.0.shortcut.convolution.weight'],
  'norm.shortcut': ['resnet.encoder.stages.{n}.layers.0.shortcut.normalization.bias'],
});

placesFamily('ConvNeXt', {
  'embedding.patch': ['input:convnext.embeddings.patch_embeddings.weight'],
  'norm.embedding': ['input:convnext.embeddings.layernorm.weight'],
  'convolution.depthwise': ['convnext.encoder.stages.{n}.layers.0.dwconv.weight', 'stages.{n}.blocks.0.conv_dw.weight', 'stages.{n}.0.dwconv.weight'],
  'norm.mlp': ['convnext.encoder.stages.{n}.layers.0.layernorm.weight', 'stages.{n}.blocks.0.norm.weight', 'stages.{n}.0.norm.weight'],
  'mlp.up': ['convnext.encoder.stages.{n}.layers.0.pwconv1.weight', 'stages.{n}.blocks.0.mlp.fc1.weight'],
  'mlp.down': ['convnext.encoder.stages.{n}.layers.0.pwconv2.weight', 'stages.{n}.blocks.0.mlp.fc2.weight'],
  'scale.mlp': ['convnext.encoder.stages.{n}.layers.0.layer_scale_parameter', 'stages.{n}.blocks.0.gamma', 'stages.{n}.0.gamma'],
  'norm.shortcut': ['convnext.encoder.stages.{n}.downsampling_layer.0.weight', 'stages.{n}.downsample.0.weight'],
  'convolution.resample': ['convnext.encoder.stages.{n}.downsampling_layer.1.weight', 'stages.{n}.downsample.1.weight'],
  'norm.final': ['output:convnext.layernorm.weight'],
}); // prettier-ignore

placesFamily('plain stacks of convolutions', {
  convolution: ['conv1.weight', 'conv2.bias'],
  norm: ['norm1.weight', 'norm2.running_mean', 'bn1.weight'],
  linear: ['fc1.weight'],
});

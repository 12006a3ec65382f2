import { placesFamily } from './families';

placesFamily('BERT and RoBERTa', {
  'embedding.token': ['input:bert.embeddings.word_embeddings.weight'],
  'embedding.position': ['input:bert.embeddings.position_embeddings.weight', 'input:bert.embeddings.position_ids'],
  'embedding.type': ['input:roberta.embeddings.token_type_embeddings.weight'],
  'norm.embedding': ['input:bert.embeddings.LayerNorm.gamma'],
  'attention.query': ['bert.encoder.layer.{n}.attention.self.query.weight'],
  'attention.key': ['bert.encoder.layer.{n}.attention.self.key.bias'],
  'attention.value': ['encoder.layer.{n}.attention.self.value.weight'],
  'attention.output': ['bert.encoder.layer.{n}.attention.output.dense.weight'],
  'norm.attention': ['bert.encoder.layer.{n}.attention.output.LayerNorm.weight'],
  'mlp.up': ['bert.encoder.layer.{n}.intermediate.dense.weight'],
  'mlp.down': ['bert.encoder.layer.{n}.output.dense.weight'],
  'norm.mlp': ['bert.encoder.layer.{n}.output.LayerNorm.beta'],
  pooler: ['output:bert.pooler.dense.weight'],
  head: [
    'output:cls.predictions.bias', 'output:cls.predictions.decoder.weight', 'output:cls.seq_relationship.weight',
    'output:classifier.weight', 'output:classifier.dense.weight', 'output:classifier.out_proj.weight',
    'output:lm_head.dense.weight', 'output:lm_head.decoder.weight', 'output:lm_head.bias', 'output:qa_outputs.weight',
  ],
  'norm.head': ['output:lm_head.layer_norm.weight'],
}); // prettier-ignore

placesFamily('DistilBERT', {
  'embedding.token': ['input:distilbert.embeddings.word_embeddings.weight'],
  'attention.query': ['distilbert.transformer.layer.{n}.attention.q_lin.weight'],
  'attention.output': ['distilbert.transformer.layer.{n}.attention.out_lin.weight'],
  'norm.attention': ['distilbert.transformer.layer.{n}.sa_layer_norm.weight'],
  'mlp.up': ['distilbert.transformer.layer.{n}.ffn.lin1.weight'],
  'mlp.down': ['distilbert.transformer.layer.{n}.ffn.lin2.weight'],
  'norm.mlp': ['distilbert.transformer.layer.{n}.output_layer_norm.weight'],
  pooler: ['output:pre_classifier.weight'],
  head: ['output:vocab_transform.weight', 'output:vocab_projector.bias'],
  'norm.head': ['output:vocab_layer_norm.weight'],
});

placesFamily('ELECTRA, ALBERT and DeBERTa', {
  'embedding.projection': ['input:electra.embeddings_project.weight', 'input:albert.encoder.embedding_hidden_mapping_in.weight'],
  head: ['output:discriminator_predictions.dense.weight', 'output:discriminator_predictions.dense_prediction.weight', 'output:generator_lm_head.weight'],
  'attention.query': ['deberta.encoder.layer.{n}.attention.self.query_proj.weight'],
  'attention.qkv': ['deberta.encoder.layer.{n}.attention.self.in_proj.weight'],
  'attention.position': ['deberta.encoder.layer.{n}.attention.self.pos_proj.weight'],
  'embedding.position': ['deberta.encoder.rel_embeddings.weight'],
  'attention.output': ['albert.encoder.albert_layer_groups.{n}.albert_layers.0.attention.dense.weight'],
  'norm.attention': ['albert.encoder.albert_layer_groups.{n}.albert_layers.0.attention.LayerNorm.weight'],
  'norm.mlp': ['albert.encoder.albert_layer_groups.{n}.albert_layers.0.full_layer_layer_norm.weight'],
  'mlp.up': ['albert.encoder.albert_layer_groups.{n}.albert_layers.0.ffn.weight'],
  'mlp.down': ['albert.encoder.albert_layer_groups.{n}.albert_layers.0.ffn_output.weight'],
}); // prettier-ignore

placesFamily('ModernBERT', {
  'embedding.token': ['input:model.embeddings.tok_embeddings.weight'],
  'norm.embedding': ['input:model.embeddings.norm.weight'],
  'norm.attention': ['model.layers.{n}.attn_norm.weight'],
  'attention.qkv': ['model.layers.{n}.attn.Wqkv.weight'],
  'attention.output': ['model.layers.{n}.attn.Wo.weight'],
  'norm.mlp': ['model.layers.{n}.mlp_norm.weight'],
  'mlp.gate-up': ['model.layers.{n}.mlp.Wi.weight'],
  'mlp.down': ['model.layers.{n}.mlp.Wo.weight'],
  'norm.final': ['output:model.final_norm.weight'],
  head: ['output:head.dense.weight', 'output:decoder.bias'],
  'norm.head': ['output:head.norm.weight'],
});

placesFamily('T5', {
  'embedding.token': ['input:shared.weight', 'input:encoder.embed_tokens.weight'],
  'attention.query': ['encoder.block.{n}.layer.0.SelfAttention.q.weight', 'decoder.block.{n}.layer.0.SelfAttention.q.weight'],
  'attention.output': ['encoder.block.{n}.layer.0.SelfAttention.o.weight'],
  'attention.position': ['encoder.block.{n}.layer.0.SelfAttention.relative_attention_bias.weight'],
  'norm.attention': ['encoder.block.{n}.layer.0.layer_norm.weight'],
  'cross-attention.query': ['decoder.block.{n}.layer.1.EncDecAttention.q.weight'],
  'cross-attention.output': ['decoder.block.{n}.layer.1.EncDecAttention.o.weight'],
  'norm.cross-attention': ['decoder.block.{n}.layer.1.layer_norm.weight'],
  'mlp.up': ['encoder.block.{n}.layer.1.DenseReluDense.wi.weight', 'decoder.block.{n}.layer.2.DenseReluDense.wi_1.weight'],
  'mlp.gate': ['encoder.block.{n}.layer.1.DenseReluDense.wi_0.weight'],
  'mlp.down': ['decoder.block.{n}.layer.2.DenseReluDense.wo.weight'],
  'norm.mlp': ['decoder.block.{n}.layer.2.layer_norm.weight', 'encoder.block.{n}.layer.1.layer_norm.weight'],
  'norm.final': ['output:encoder.final_layer_norm.weight'],
  head: ['output:lm_head.weight'],
}); // prettier-ignore

placesFamily('BART and Whisper', {
  'embedding.token': ['input:model.shared.weight', 'input:model.decoder.embed_tokens.weight'],
  'embedding.position': ['input:model.encoder.embed_positions.weight'],
  'embedding.audio': ['input:model.encoder.conv1.weight', 'input:model.encoder.conv2.bias'],
  'norm.embedding': ['input:model.encoder.layernorm_embedding.weight'],
  'attention.key': ['model.encoder.layers.{n}.self_attn.k_proj.weight'],
  'attention.output': ['model.decoder.layers.{n}.self_attn.out_proj.weight'],
  'cross-attention.query': ['model.decoder.layers.{n}.encoder_attn.q_proj.weight'],
  'cross-attention.output': ['model.decoder.layers.{n}.encoder_attn.out_proj.weight'],
  'norm.cross-attention': ['model.decoder.layers.{n}.encoder_attn_layer_norm.weight'],
  'norm.mlp': ['model.encoder.layers.{n}.final_layer_norm.weight'],
  'norm.final': ['output:model.encoder.layer_norm.weight'],
  head: ['output:final_logits_bias', 'output:classification_head.dense.weight', 'output:classification_head.out_proj.weight', 'output:proj_out.weight'],
}); // prettier-ignore

placesFamily('Whisper as OpenAI names it', {
  'embedding.audio': ['input:encoder.conv1.weight'],
  'embedding.position': ['input:encoder.positional_embedding'],
  'attention.query': ['encoder.blocks.{n}.attn.query.weight'],
  'attention.output': ['encoder.blocks.{n}.attn.out.weight'],
  'norm.attention': ['decoder.blocks.{n}.attn_ln.weight'],
  'cross-attention.key': ['decoder.blocks.{n}.cross_attn.key.weight'],
  'cross-attention.output': ['decoder.blocks.{n}.cross_attn.out.weight'],
  'norm.cross-attention': ['decoder.blocks.{n}.cross_attn_ln.weight'],
  'mlp.up': ['decoder.blocks.{n}.mlp.0.weight'],
  'mlp.down': ['decoder.blocks.{n}.mlp.2.weight'],
  'norm.mlp': ['encoder.blocks.{n}.mlp_ln.bias'],
  'norm.final': ['output:encoder.ln_post.weight', 'output:decoder.ln.weight'],
  'embedding.token': ['input:decoder.token_embedding.weight'],
});

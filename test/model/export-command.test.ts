import assert from 'node:assert/strict';
import test from 'node:test';
import { architectureFrom } from '../../src/model/architecture';
import { exportCommand } from '../../src/model/export-command';

function commandFor(config: object, folder = '/models/m') {
  const { architecture } = architectureFrom(config, `${folder}/config.json`);
  return exportCommand(`${folder}/model.safetensors`, architecture);
}

test('the class that a configuration names decides on the task of the export', () => {
  const tasks: Record<string, string> = {
    LlamaForCausalLM: 'text-generation',
    GPT2LMHeadModel: 'text-generation',
    BertForMaskedLM: 'fill-mask',
    BertForSequenceClassification: 'text-classification',
    DistilBertForTokenClassification: 'token-classification',
    RobertaForQuestionAnswering: 'question-answering',
    ViTForImageClassification: 'image-classification',
    T5ForConditionalGeneration: 'text2text-generation',
    WhisperForConditionalGeneration: 'automatic-speech-recognition',
    Wav2Vec2ForCTC: 'automatic-speech-recognition',
    Wav2Vec2ForSequenceClassification: 'audio-classification',
    CLIPModel: 'zero-shot-image-classification',
    BertModel: 'feature-extraction',
  };
  for (const [name, task] of Object.entries(tasks)) {
    const { tool, text } = commandFor({ architectures: [name], model_type: 'x' });
    assert.equal(tool, 'optimum-cli', name);
    assert.equal(text, `optimum-cli export onnx --model /models/m --task ${task} /models/m-onnx`);
  }
});

test('a folder with spaces is quoted for the shell', () => {
  const { text } = commandFor({ architectures: ['BertModel'] }, '/my models/$x');
  assert.match(text, /--model "\/my models\/\\\$x" .* "\/my models\/\\\$x-onnx"$/);
});

test('where nothing is known of the model, a call of torch is shown with what is to be filled in', () => {
  for (const command of [
    exportCommand('/models/net.safetensors', null),
    commandFor({ architectures: ['CharLM'], model_type: 'charlm' }),
  ]) {
    assert.equal(command.tool, 'torch');
    assert.match(command.text, /torch\.onnx\.export\(/);
    assert.match(command.text, /do_constant_folding=False/);
    assert.match(command.note, /fill in/);
  }
});

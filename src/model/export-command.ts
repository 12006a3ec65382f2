import { basename, dirname } from 'node:path';
import type { ExportCommand } from '../protocol/attachment';
import type { Architecture } from './architecture';

/** Task of the exporter by how the class of a model is called; the first that matches counts. */
const TASKS: readonly (readonly [RegExp, string])[] = [
  [/^(Whisper|Speech).*ForConditionalGeneration$|ForCTC$|ForSpeechSeq2Seq$/, 'automatic-speech-recognition'],
  [/^VisionEncoderDecoder|^Blip.*ForConditionalGeneration$/, 'image-to-text'],
  [/ForConditionalGeneration$/, 'text2text-generation'],
  [/ForCausalLM$|LMHeadModel$/, 'text-generation'],
  [/ForMaskedLM$|ForPreTraining$/, 'fill-mask'],
  [/^(Wav2Vec2|Hubert|WavLM|UniSpeech|Data2VecAudio).*ForSequenceClassification$/, 'audio-classification'],
  [/ForAudioClassification$|^ASTFor/, 'audio-classification'],
  [/ForSequenceClassification$/, 'text-classification'],
  [/ForTokenClassification$/, 'token-classification'],
  [/ForQuestionAnswering$/, 'question-answering'],
  [/ForMultipleChoice$/, 'multiple-choice'],
  [/ForImageClassification$/, 'image-classification'],
  [/ForSemanticSegmentation$/, 'semantic-segmentation'],
  [/ForObjectDetection$/, 'object-detection'],
  [/^(CLIP|SigLIP|Siglip|ChineseCLIP)Model$/, 'zero-shot-image-classification'],
  [/Model$/, 'feature-extraction'],
];

/**
 * How to export the checkpoint at `path` as ONNX: with Optimum where the `config.json` beside it names a class of the
 * transformers library whose task is known, else a call of `torch.onnx.export` to complete. Names of tasks are those of
 * Optimum's exporters (huggingface.co/docs/optimum, "Export a model to ONNX").
 */
export function exportCommand(path: string, architecture: Architecture | null): ExportCommand {
  const [name = ''] = /^\w+/.exec(architecture?.title ?? '') ?? [];
  const task = TASKS.find(([pattern]) => pattern.test(name))?.[1];
  if (architecture === null || task === undefined) return torchExport(path, architecture?.title ?? null);
  const folder = dirname(architecture.path);
  return {
    tool: 'optimum-cli',
    text: `optimum-cli export onnx --model ${quotedPath(folder)} --task ${task} ${quotedPath(`${folder}-onnx`)}`,
    note: `The config.json names ${name}, so the task is ${task}. Needs: pip install "optimum[onnx]".`,
  };
}

function torchExport(path: string, title: string | null): ExportCommand {
  const file = `${basename(path).replace(/\.(safetensors|index\.json)$/g, '')}.onnx`;
  return {
    tool: 'torch',
    text: [
      'import torch',
      '',
      `model = ...    # the network with the weights of ${path}`,
      'example = ...  # one input as the network takes it, the batch first',
      'torch.onnx.export(',
      '    model.eval(), (example,), ' + JSON.stringify(file) + ',',
      '    input_names=["input"], output_names=["logits"],',
      '    dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},',
      '    opset_version=17, do_constant_folding=False,',
      '    training=torch.onnx.TrainingMode.PRESERVE, dynamo=False,',
      ')',
      '',
    ].join('\n'),
    note:
      title === null
        ? 'No config.json beside the weights says what they are, so model and example are yours to fill in.'
        : `Which task the exporter of Optimum has for ${title} is not known, so model and example are yours to fill in.`,
  };
}

/** Quoted for a shell where it has anything but plain characters. */
function quotedPath(path: string): string {
  return /^[\w./:\\-]+$/.test(path) ? path : `"${path.replace(/(["$`\\])/g, '\\$1')}"`;
}

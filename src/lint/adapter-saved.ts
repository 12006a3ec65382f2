import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { readSpan } from '../format/read';
import { parsePeftTensorName } from '../model/peft-names';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import { counted, named, shapeText } from './wording';

/** Whole tensors that an adapter keeps beside its factors: trained copies of modules of the base. */
const FACTOR = /lora_|magnitude/;
const EMBEDDING =
  /(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|lm_head|embed_out|embed_in|shared)\b/;
const HEAD = /(?:^|\.)(?:lm_head|embed_out|output)$/;
const INPUT = /(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|shared)$/;
/** Copies are worth a finding from this share of the file on. */
const LARGE_SHARE = 0.5;
const LEAST_BYTES = 1_000_000;

/**
 * What an adapter stores besides factors: copies that make it large, embeddings of another vocabulary than the base's,
 * embeddings that the base ties to its head, copies that were not trained, and modules that servers refuse. Looks at names
 * and shapes, and at the bytes of copies.
 */
export async function checkSaved(
  document: JsonDocument,
  tensors: readonly TensorEntry[],
  base: Checkpoint | null,
  findings: FindingList,
): Promise<void> {
  const saved = tensors.filter(({ name }) => !FACTOR.test(name));
  checkSize(document, tensors, saved, findings);
  checkServed(document, saved, findings);
  if (base === null) return;
  checkVocabulary(document, saved, base, findings);
  await checkTrained(document, saved, base, findings);
  checkTied(document, tensors, base, findings);
}

function checkSize(
  document: JsonDocument,
  all: readonly TensorEntry[],
  saved: readonly TensorEntry[],
  findings: FindingList,
): void {
  const [whole, own] = [bytesOf(all), bytesOf(saved)];
  if (own < LEAST_BYTES || own < LARGE_SHARE * whole) return;
  const largest = saved.toSorted((x, y) => y.span.bytes - x.span.bytes).map(({ name }) => name);
  const embeddings = largest.some((name) => EMBEDDING.test(name));
  findings.add('adapter-saved-large', {
    range: document.placeOf('modules_to_save'),
    at: largest[0] ?? '',
    message: `${megabytes(own)} of ${megabytes(whole)} are whole copies of modules, not factors: ${named(largest)}.`,
    help: embeddings
      ? 'If the embeddings were not trained, save the adapter with save_embedding_layers=False; for a few new tokens use trainable_token_indices.'
      : 'If these modules were not trained, take them out of modules_to_save and save the adapter again.',
  });
}

function bytesOf(tensors: readonly TensorEntry[]): number {
  return tensors.reduce((sum, { span }) => sum + span.bytes, 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

function checkServed(document: JsonDocument, saved: readonly TensorEntry[], findings: FindingList): void {
  const names = saved.map(({ name }) => moduleOf(name));
  const modules = [...new Set(names)];
  const dora = document.value('use_dora') === true;
  if (modules.length === 0 && !dora) return;
  const what = modules.length > 0 ? `whole modules (${named(modules)})` : 'DoRA magnitudes';
  findings.add('adapter-not-served', {
    range: document.placeOf(modules.length > 0 ? 'modules_to_save' : 'use_dora'),
    at: modules[0] ?? 'use_dora',
    message: `The adapter has ${what}, which servers that load adapters beside a base (vLLM, llama.cpp) refuse or leave out.`,
    help: 'Bake the adapter into its base to serve it, or train without them.',
  });
}

function moduleOf(name: string): string {
  const parsed = parsePeftTensorName(name);
  const whole = parsed ? parsed.module : name.replace(/^base_model\.model\./, '').replace(/\.\w+$/, '');
  return whole.replace(/\.(?:modules_to_save(?:\.default)?|original_module)$/, '');
}

function checkVocabulary(
  document: JsonDocument,
  saved: readonly TensorEntry[],
  base: Checkpoint,
  findings: FindingList,
): void {
  const weights = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, span } of saved) {
    const module = moduleOf(name);
    const weight = EMBEDDING.test(module) ? weights.get(`${module}.weight`) : undefined;
    if (!weight || !name.endsWith('weight') || span.shape[0] === weight.span.shape[0]) continue;
    findings.add('adapter-vocabulary-resized', {
      range: document.placeOf('modules_to_save'),
      at: name,
      message: `${module} is ${shapeText(span.shape)} in the adapter and ${shapeText(weight.span.shape)} in the base: the vocabulary was resized from ${String(weight.span.shape[0])} to ${String(span.shape[0])} tokens.`,
      help: 'Resize the embeddings of the base (resize_token_embeddings) before the adapter is loaded, and ship the tokenizer with it.',
    });
  }
}

/** Copies above this size are not compared with the base. */
const MOST_COMPARED = 256 * 1024 * 1024;

async function checkTrained(
  document: JsonDocument,
  saved: readonly TensorEntry[],
  base: Checkpoint,
  findings: FindingList,
): Promise<void> {
  const weights = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  const same: string[] = [];
  for (const { name, span } of saved) {
    const module = moduleOf(name);
    const weight = weights.get(`${module}.${name.slice(name.lastIndexOf('.') + 1)}`);
    if (!weight || weight.span.bytes !== span.bytes || weight.span.dtype !== span.dtype) continue;
    if (span.bytes > MOST_COMPARED) continue;
    const [own, its] = [await readSpan(span), await readSpan(weight.span)];
    if (own.ok && its.ok && Buffer.from(own.value).equals(Buffer.from(its.value))) same.push(module);
  }
  if (same.length === 0) return;
  findings.add('adapter-saved-untrained', {
    range: document.placeOf('modules_to_save'),
    at: same[0] ?? '',
    message: `${same.length === 1 ? '1 copy' : `${same.length} copies`} in the adapter ${same.length === 1 ? 'is' : 'are'} the base's bit by bit: ${named(same)}. It was trained on this base, and not in these modules.`,
    help: 'Take them out of modules_to_save (or set save_embedding_layers=False) and save the adapter again.',
  });
}

function checkTied(
  document: JsonDocument,
  tensors: readonly TensorEntry[],
  base: Checkpoint,
  findings: FindingList,
): void {
  const names = new Set(base.tensors.map(({ name }) => name.replace(/\.weight$/, '')));
  const [heads, inputs] = [HEAD, INPUT].map((pattern) => [...names].filter((name) => pattern.test(name)));
  // A causal model without a head of its own uses its embedding as one.
  if ((heads ?? []).length > 0 || (inputs ?? []).length === 0) return;
  const changed = [
    ...new Set(
      tensors.map(({ name }) =>
        FACTOR.test(name) ? (parsePeftTensorName(name)?.module ?? '') : moduleOf(name),
      ),
    ),
  ];
  const tied = changed.filter((module) => HEAD.test(module) || INPUT.test(module));
  if (tied.length === 0) return;
  findings.add('adapter-tied-embeddings', {
    range: document.placeOf('target_modules'),
    at: tied[0] ?? '',
    message: `The base has no head of its own: ${named(inputs ?? [])} is also the head. The adapter changes ${named(tied)}, which on merging changes both or is lost.`,
    help: `${counted(tied.length, 'module')}: untie the weights before merging, or set ensure_weight_tying in training.`,
  });
}

import fs from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../../format/checkpoint';
import { copiedFile, textFile, type OutputFile } from '../../format/output-file';
import { withoutQuantization } from '../../format/packed/quantization-config';

/** What a model needs beside its weights; anything else in its folder (code, results of training) is left. */
const COMPANIONS =
  /^(?:(?:adapter_|generation_|preprocessor_|processor_|quant_)?config\.json|params\.json|tokenizer(?:_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.(?:json|txt)|merges\.txt|spiece\.model|sentencepiece\.bpe\.model|chat_template\.(?:json|jinja)|LICENSE(?:\.\w+)?|NOTICE)$/;
/** No configuration or tokenizer is as large. */
const LARGEST = 256 * 2 ** 20;

/**
 * Configuration, tokenizer and licence beside a checkpoint's weights, to be copied as they are. Where quantised weights are written as
 * the values they stand for, the configuration says no more that they are quantised.
 */
export async function companionsOf({
  files,
  path: opened,
  tensors,
}: Checkpoint): Promise<readonly OutputFile[]> {
  const folder = path.dirname(files[0]?.path ?? opened);
  const names = await fs.readdir(folder).catch(() => []);
  const dequantised = tensors.some(({ parts }) => parts !== undefined);
  const found: OutputFile[] = [];
  for (const name of names.filter((each) => COMPANIONS.test(each)).sort()) {
    const file = path.join(folder, name);
    const stat = await fs.stat(file).catch(() => null);
    if (!stat?.isFile() || stat.size > LARGEST) continue;
    if (dequantised && /quant_config\.json$/.test(name)) continue;
    const plain = dequantised && name === 'config.json' ? await withoutQuantization(file) : null;
    found.push(plain === null ? copiedFile(file, name, stat.size) : textFile(name, plain));
  }
  return found;
}

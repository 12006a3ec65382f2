import { Tokenizer } from '@huggingface/tokenizers';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { success, type Result } from '../../protocol/result';
import { refuse } from './problems';

/** A tokenizer with what its configuration says about padding and length. */
export interface TextTokenizer {
  readonly path: string;
  /** Tokens of a text, or of a pair, special ones included; at most `length`, cut as the transformers library does. */
  encode(text: string, pair: string | null, length: number): Result<EncodedText>;
  readonly pad: number;
  readonly padLeft: boolean;
  /** The most tokens that the model takes, as far as the configuration says. */
  readonly longest: number | null;
}

export interface EncodedText {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second. */
  readonly segments: readonly number[];
}

const LARGEST_FILE = 2 ** 27;
/** Where no length is known, `model_max_length` is written as 10^30. */
const NO_LENGTH = 1_000_000;
const DEFAULT_PADS = ['[PAD]', '<pad>', '<|padding|>', '<|endoftext|>', '</s>'];

/**
 * Opens `said`, or the first tokenizer.json in the folders `near`, with the tokenizer_config.json beside it. Fails with
 * `data-tokenizer`, naming `data` as the file that needs it.
 */
export async function openTokenizer(
  said: string | undefined,
  near: readonly string[],
  data: string,
): Promise<Result<TextTokenizer>> {
  const candidates = said === undefined ? near.map((folder) => join(folder, 'tokenizer.json')) : [said];
  for (const path of candidates) {
    const json = await readJson(path);
    if (json === null) continue;
    if (!json.ok) return json;
    const beside = await readJson(join(dirname(path), 'tokenizer_config.json'));
    if (beside?.ok === false) return beside;
    return makeTokenizer(path, json.value, beside?.value ?? {});
  }
  const places = candidates.join(', ');
  return refuse('data-tokenizer', data, `${data} holds texts, and there is no tokenizer.json: ${places}.`);
}

type Json = Readonly<Record<string, unknown>>;

/** An object out of a file; `null` where there is no such file. */
async function readJson(path: string): Promise<Result<Json> | null> {
  try {
    const { size } = await fs.stat(path);
    if (size > LARGEST_FILE) return refuse('data-tokenizer', path, `${path} is larger than 128 MiB.`);
    const value: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null) return success(value as Json);
    return refuse('data-tokenizer', path, `${path} is no JSON object.`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    return refuse('data-tokenizer', path, `${path} cannot be read: ${textOf(error)}.`);
  }
}

function makeTokenizer(path: string, json: Json, config: Json): Result<TextTokenizer> {
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(json, config);
  } catch (error) {
    return refuse('data-tokenizer', path, `${path} is no tokenizer that can be used: ${textOf(error)}.`);
  }
  const longest = config['model_max_length'];
  return success({
    path,
    encode: (text, pair, length) => {
      try {
        return success(encodeWithin(tokenizer, text, pair, length));
      } catch (error) {
        return refuse('data-tokenizer', path, `${path} cannot encode a text: ${textOf(error)}.`);
      }
    },
    pad: padOf(tokenizer, json, config),
    padLeft: config['padding_side'] === 'left',
    longest: typeof longest === 'number' && longest < NO_LENGTH ? longest : null,
  });
}

/** Cuts the longer of both texts token by token until everything has room ("longest first"); special tokens stay. */
function encodeWithin(tokenizer: Tokenizer, text: string, pair: string | null, length: number): EncodedText {
  const whole = encode(tokenizer, text, pair, true);
  const over = whole.ids.length - length;
  if (over <= 0) return whole;
  const first = encode(tokenizer, text, null, false).ids;
  const second = pair === null ? [] : encode(tokenizer, pair, null, false).ids;
  const [keepFirst, keepSecond] = keptLengths(first.length, second.length, over);
  const firstAt = findRun(whole.ids, first, 0);
  const secondAt = findRun(whole.ids, second, firstAt + first.length);
  // A template that changes the tokens of the texts themselves cannot be told from them: cut at the end then.
  if (firstAt < 0 || secondAt < 0) {
    return { ids: whole.ids.slice(0, length), segments: whole.segments.slice(0, length) };
  }
  const kept = (_: number, at: number): boolean =>
    !(at >= firstAt + keepFirst && at < firstAt + first.length) &&
    !(at >= secondAt + keepSecond && at < secondAt + second.length);
  return { ids: whole.ids.filter(kept), segments: whole.segments.filter(kept) };
}

function encode(tokenizer: Tokenizer, text: string, pair: string | null, special: boolean): EncodedText {
  const encoding = tokenizer.encode(text, {
    text_pair: pair,
    add_special_tokens: special,
    return_token_type_ids: true,
  });
  return { ids: encoding.ids, segments: encoding.token_type_ids };
}

function keptLengths(first: number, second: number, over: number): readonly [number, number] {
  let [a, b] = [first, second];
  for (let left = over; left > 0 && a + b > 0; left--) {
    if (a > b) a--;
    else b--;
  }
  return [a, b];
}

/** Where `run` begins in `ids` from `from` on; −1 where it does not. */
function findRun(ids: readonly number[], run: readonly number[], from: number): number {
  for (let at = from; at + run.length <= ids.length; at++) {
    if (run.every((id, i) => ids[at + i] === id)) return at;
  }
  return -1;
}

function padOf(tokenizer: Tokenizer, json: Json, config: Json): number {
  const padding = json['padding'];
  if (typeof padding === 'object' && padding !== null && 'pad_id' in padding) {
    if (typeof padding.pad_id === 'number') return padding.pad_id;
  }
  const said = config['pad_token'];
  const token = typeof said === 'object' && said !== null && 'content' in said ? said.content : said;
  for (const name of [token, ...DEFAULT_PADS]) {
    const id = typeof name === 'string' ? tokenizer.token_to_id(name) : undefined;
    if (id !== undefined) return id;
  }
  return 0;
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}

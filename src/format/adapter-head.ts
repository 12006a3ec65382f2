import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { formatFinding, quoted } from './problems';

/** What AdapterHub's library writes for the head that was trained with an adapter (adapters/utils.py). */
const HEAD_CONFIG = 'head_config.json';
const HEAD_WEIGHTS = ['model_head.safetensors', 'pytorch_model_head.bin'];
const LARGEST_CONFIG = 2 ** 20;
/** Kinds of heads are single words. */
const HEAD_KIND = /^\w{1,40}$/;

/**
 * What is to be said of the prediction head beside an adapter of AdapterHub: its kind, and which file holds its weights. They are no
 * part of the adapter, since they change nothing of the base. Empty where `names` (of the adapter's folder) has no head.
 */
export async function headFindings(folder: string, names: readonly string[]): Promise<readonly Finding[]> {
  const weights = HEAD_WEIGHTS.find((name) => names.includes(name));
  if (weights === undefined && !names.includes(HEAD_CONFIG)) return [];
  const kind = await kindOf(paths.join(folder, HEAD_CONFIG));
  const where =
    weights === undefined
      ? 'the weights of which are not in the folder'
      : `which is not shown with the adapter: open ${quoted(weights)} to see it`;
  const message = `${folder}: the adapter was trained with a prediction head${kind}, ${where}.`;
  return [formatFinding('adapter-head', folder, message, weights ?? HEAD_CONFIG)];
}

/** ` (classification, 2 labels)`, as far as the configuration says. */
async function kindOf(path: string): Promise<string> {
  try {
    if ((await fs.stat(path)).size > LARGEST_CONFIG) return '';
    const parsed: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
    const config = fieldOf(parsed, 'config');
    const [kind, labels] = [fieldOf(config, 'head_type'), fieldOf(config, 'num_labels')];
    if (typeof kind !== 'string' || !HEAD_KIND.test(kind)) return '';
    return Number.isInteger(labels) ? ` (${kind}, ${String(labels)} labels)` : ` (${kind})`;
  } catch {
    return ''; // Only a description.
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

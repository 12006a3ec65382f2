import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';

const KEY = 'base_model_name_or_path';
/** What two models of one architecture and size have in common. */
const FIELDS = [
  'model_type',
  'hidden_size',
  'num_hidden_layers',
  'num_attention_heads',
  'intermediate_size',
  'vocab_size',
] as const;
const LARGEST = 2 ** 20;

/**
 * Compares the `config.json` that trainers leave beside an adapter with that of the base found: by its name alone a base can
 * be another version or size. Nothing is said where either is missing.
 */
export async function checkBaseConfig(
  document: JsonDocument,
  base: Checkpoint,
  findings: FindingList,
): Promise<void> {
  const file = base.files[0]?.path;
  const own = await fieldsIn(dirname(document.path));
  const its =
    file === undefined || dirname(file) === dirname(document.path) ? null : await fieldsIn(dirname(file));
  if (own === null || its === null) return;
  const differing = FIELDS.filter(
    (field) => own[field] !== undefined && its[field] !== undefined && own[field] !== its[field],
  );
  if (differing.length === 0) return;
  const values = differing.map((field) => `${field} ${String(own[field])} against ${String(its[field])}`);
  findings.add('base-config-differs', {
    range: document.placeOf(KEY),
    at: differing[0] ?? '',
    message: `The config.json beside the adapter describes another base than the one it names: ${values.join(', ')}.`,
    help: 'Name the base that the adapter was trained on.',
  });
}

type Fields = Partial<Record<(typeof FIELDS)[number], string | number>>;

async function fieldsIn(folder: string): Promise<Fields | null> {
  const path = join(folder, 'config.json');
  try {
    if ((await fs.stat(path)).size > LARGEST) return null;
    const value: unknown = JSON.parse(await fs.readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const known = Object.entries(value).filter(
      ([, field]) => typeof field === 'string' || typeof field === 'number',
    );
    return Object.fromEntries(known);
  } catch {
    // No configuration, or none that can be read: its own rule says so.
    return null;
  }
}

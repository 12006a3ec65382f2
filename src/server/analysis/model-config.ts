import fs from 'node:fs/promises';
import path from 'node:path';

/** Real ones are a few kilobytes. */
const LARGEST = 2 * 2 ** 20;

/** What the `config.json` beside weights says of the model; nothing depends on it but labels and the guess of a base. */
export interface ModelConfig {
  /** `LlamaForCausalLM (llama)` */
  readonly architecture: string | null;
  /** Absolute path that `_name_or_path` leads to; nothing needs to be there. */
  readonly startedFrom: string | null;
}

const NOTHING: ModelConfig = { architecture: null, startedFrom: null };

/** Reads the `config.json` of a folder. One that is missing or makes no sense says nothing. */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const file = path.join(folder, 'config.json');
  try {
    if ((await fs.stat(file)).size > LARGEST) return NOTHING;
    const config: unknown = JSON.parse(await fs.readFile(file, 'utf8'));
    if (typeof config !== 'object' || config === null) return NOTHING;
    const fields = new Map<string, unknown>(Object.entries(config));
    const origin = textOf(fields.get('_name_or_path'));
    return {
      architecture: architectureOf(fields),
      startedFrom: origin === null || origin.includes('\0') ? null : path.resolve(folder, origin),
    };
  } catch {
    return NOTHING;
  }
}

function architectureOf(fields: ReadonlyMap<string, unknown>): string | null {
  const type = textOf(fields.get('model_type'));
  const listed = fields.get('architectures');
  const [architecture = null] = Array.isArray(listed) ? listed.map(textOf) : [];
  if (architecture === null || type === null) return architecture ?? type;
  return `${architecture} (${type})`;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

import { createHash } from 'node:crypto';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { readGgufFile, type GgufFile } from './gguf-file';
import { headsBeside } from './gguf-neighbours';
import { renameTensors } from './gguf-rename';
import { withTensorScales } from './gguf-scales';
import { readParts } from './gguf-split';
import { valueText, type GgufValue } from './gguf-values';
import { formatFinding, refuse } from './problems';
import { readStart } from './read';

const SIGNATURE = 'GGUF';
/** The same word of 32 bits the other way round: drafts of the format from before its first version. */
const DRAFT = 'FUGG';

async function signatureOf(path: string): Promise<string> {
  const start = await readStart(path, SIGNATURE.length);
  return start.ok ? Buffer.from(start.value).toString('latin1') : '';
}

async function open(path: string): Promise<Result<Checkpoint>> {
  if ((await signatureOf(path)) === DRAFT) {
    return refuse('gguf-version', path, `${path} is of a draft of GGUF from before version 1.`, 'byte 0');
  }
  const opened = await readGgufFile(path);
  if (!opened.ok) return opened;
  const whole = await readParts(path, opened.value);
  if (!whole.ok) return whole;
  const { parts } = whole.value;
  const metadata = metadataOf(parts);
  const beside = await headsBeside(path, metadata);
  const { tensors, findings: names } = renameTensors(
    path,
    withTensorScales(parts.flatMap((part) => part.tensors)),
    new Map([...metadata, ...beside]),
  );
  const findings = [...whole.value.findings, ...parts.flatMap((part) => part.findings), ...names];
  if (tensors.length === 0) findings.push(formatFinding('no-tensors', path, `${path} holds no tensor.`));
  return success({
    path,
    container: parts.length > 1 ? `GGUF (${String(parts.length)} parts)` : `GGUF`,
    files: parts.map(({ file }) => file),
    tensors,
    metadata: Object.fromEntries([...metadata].map(([key, value]) => [key, valueText(value)])),
    fingerprint: fingerprintOf(parts, beside),
    findings,
  });
}

/** Of all parts; what the first of them says counts. */
function metadataOf(parts: readonly GgufFile[]): ReadonlyMap<string, GgufValue> {
  return new Map(parts.toReversed().flatMap(({ metadata }) => [...metadata]));
}

/** Other heads beside an adapter give other values. */
function fingerprintOf(parts: readonly GgufFile[], beside: ReadonlyMap<string, number>): string {
  const hash = createHash('sha256');
  for (const { file, headerHash } of parts) {
    hash.update(`${headerHash} ${String(file.bytes)} ${String(file.modifiedMs)}\n`);
  }
  for (const [key, value] of beside) hash.update(`${key} ${String(value)}\n`);
  return hash.digest('hex').slice(0, 32);
}

/** A file of llama.cpp and of what else builds on ggml; any part of a split model opens all of it. */
export const gguf: Format = {
  description: {
    id: 'gguf',
    title: 'GGUF',
    endings: ['.gguf'],
    supports: [
      'versions 1 to 3, little and big endian',
      'every quantised type of ggml, as float32',
      'split files, metadata, LoRA adapters, control vectors',
    ],
  },
  async recognises(path) {
    return [SIGNATURE, DRAFT].includes(await signatureOf(path));
  },
  open,
};

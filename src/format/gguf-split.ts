import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { readGgufFile, type GgufFile } from './gguf-file';
import { countOf, formatFinding, quoted, refuse } from './problems';

/** `model-Q4_K_M-00002-of-00003.gguf` */
const PART_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** So many headers are read at once. */
const CONCURRENCY = 8;
const MOST_PARTS = 10_000;
const MOST_NAMES = 8;

/** The files of one model, in order, and what is odd about them together. */
export interface GgufParts {
  readonly parts: readonly GgufFile[];
  readonly findings: readonly Finding[];
}

/**
 * The other parts of a split model, of which `opened` is one. They lie in the same folder under the name of the one that was
 * opened, with another number; no name comes from the file itself. Without them what is there is opened, with a finding.
 */
export async function readParts(path: string, opened: GgufFile): Promise<Result<GgufParts>> {
  const claimed = Number(opened.metadata.get('split.count') ?? 1);
  if (!(claimed > 1)) return success({ parts: [opened], findings: [] });
  const [, stem = '', number = '', count = ''] = PART_NAME.exec(paths.basename(path)) ?? [];
  if (Number(count) !== claimed || claimed > MOST_PARTS) {
    const message = `${path} is one of ${String(claimed)} parts, but its name does not end in -0000N-of-${padded(claimed)}.gguf: the others cannot be found.`;
    return success({ parts: [opened], findings: [formatFinding('gguf-split-missing', path, message)] });
  }
  const names = Array.from(
    { length: claimed },
    (_, index) => `${stem}-${padded(index + 1)}-of-${count}.gguf`,
  );
  const here = new Set(await fs.readdir(paths.dirname(path)).catch((): string[] => []));
  const missing = names.filter((name, index) => index + 1 !== Number(number) && !here.has(name));
  const found = await readAll(
    path,
    names.filter((name) => !missing.includes(name)),
    Number(number),
    opened,
  );
  if (!found.ok) return found;
  const findings =
    missing.length > 0 ? [missingFinding(path, missing, claimed)] : mismatches(path, found.value);
  return success({ parts: found.value, findings });
}

function padded(number: number): string {
  return String(number).padStart(5, '0');
}

async function readAll(
  path: string,
  names: readonly string[],
  own: number,
  opened: GgufFile,
): Promise<Result<readonly GgufFile[]>> {
  const parts: GgufFile[] = [];
  for (let first = 0; first < names.length; first += CONCURRENCY) {
    const batch = names.slice(first, first + CONCURRENCY);
    const read = await Promise.all(
      batch.map((name) =>
        Number(PART_NAME.exec(name)?.[2]) === own
          ? Promise.resolve(success(opened))
          : readGgufFile(paths.join(paths.dirname(path), name)),
      ),
    );
    for (const part of read) {
      if (!part.ok) return part;
      parts.push(part.value);
    }
  }
  return duplicate(path, parts) ?? success(parts);
}

function duplicate(path: string, parts: readonly GgufFile[]): Result<never> | null {
  const names = new Set<string>();
  for (const { tensors } of parts) {
    for (const { name } of tensors) {
      if (names.has(name)) {
        return refuse('gguf-duplicate-tensor', path, `${path}: two parts have ${quoted(name)}.`, name);
      }
      names.add(name);
    }
  }
  return null;
}

function missingFinding(path: string, missing: readonly string[], count: number): Finding {
  const shown = missing.slice(0, MOST_NAMES).map(quoted).join(', ');
  const more = missing.length > MOST_NAMES ? ` and ${String(missing.length - MOST_NAMES)} more` : '';
  const parts = `${String(missing.length)} of ${String(count)} parts`;
  const message = `${path}: ${parts} of the model are missing: ${shown}${more}. The tensors of the others are shown.`;
  return formatFinding('gguf-split-missing', path, message, missing[0]);
}

function mismatches(path: string, parts: readonly GgufFile[]): Finding[] {
  const odd = parts.findIndex(
    ({ metadata }, index) =>
      Number(metadata.get('split.no')) !== index || Number(metadata.get('split.count')) !== parts.length,
  );
  const count = parts.reduce((sum, { tensors }) => sum + tensors.length, 0);
  const claimed = Number(parts[0]?.metadata.get('split.tensors.count') ?? count);
  const findings: Finding[] = [];
  if (odd >= 0) {
    const name = parts[odd]?.file.path ?? path;
    const message = `${name} does not say that it is part ${String(odd + 1)} of ${String(parts.length)}.`;
    findings.push(formatFinding('gguf-split-mismatch', path, message, name));
  }
  if (claimed !== count) {
    const message = `${path}: all parts together have ${countOf(count, 'tensor')}, split.tensors.count says ${String(claimed)}.`;
    findings.push(formatFinding('gguf-split-mismatch', path, message, 'split.tensors.count'));
  }
  return findings;
}

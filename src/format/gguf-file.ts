import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { TensorEntry } from './checkpoint';
import { readGgufHeader } from './gguf-header';
import { placeTensors } from './gguf-tensors';
import type { GgufValue } from './gguf-values';
import { formatFinding, quoted } from './problems';
import { withFile, type FileState } from './read';

/** The directory of one GGUF file, of a whole model or of a part. */
export interface GgufFile {
  readonly file: FileState;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By their names in the file. */
  readonly tensors: readonly TensorEntry[];
  /** SHA-256 of the header. */
  readonly headerHash: string;
  readonly findings: readonly Finding[];
}

/** Reads and checks the directory of one file, never its data. Fails as {@link readGgufHeader} and {@link placeTensors} do. */
export function readGgufFile(path: string): Promise<Result<GgufFile>> {
  return withFile(path, async (opened) => {
    const read = await readGgufHeader(opened);
    if (!read.ok) return read;
    const { header, bytes } = read.value;
    const file = { path, bytes: opened.bytes, modifiedMs: opened.modifiedMs };
    const placed = placeTensors(file, header);
    if (!placed.ok) return placed;
    const twice = header.duplicateKeys.map((key) =>
      formatFinding(
        'gguf-duplicate-key',
        path,
        `${path}: the key ${quoted(key)} stands more than once.`,
        key,
      ),
    );
    return success({
      file,
      version: header.version,
      metadata: header.metadata,
      tensors: placed.value.tensors,
      headerHash: createHash('sha256').update(bytes).digest('hex'),
      findings: [...twice, ...placed.value.findings],
    });
  });
}

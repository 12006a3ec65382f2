import { basename } from 'node:path';
import type { OutputFile } from '../format/output-file';
import { safetensorsFile, safetensorsFiles, type OutputCheckpoint } from '../format/safetensors-writer';
import { success, type Result } from '../protocol/result';
import type { WritePlan } from './plan';
import { refuse } from './problems';

/** Whether a target is a single file: its name says so. */
export function isSingleFile(target: string): boolean {
  return target.endsWith('.safetensors');
}

/**
 * A checkpoint as a single file, or as a folder with configuration and tokenizer beside it, as the name of the target says.
 * Fails as making files does.
 */
export function checkpointOutput(
  target: string,
  checkpoint: OutputCheckpoint,
  companions: readonly OutputFile[],
): Result<Pick<WritePlan, 'output' | 'opens'>> {
  if (isSingleFile(target)) {
    const { tensors, metadata, order } = checkpoint;
    const file = safetensorsFile(basename(target), tensors, metadata, order);
    return file.ok ? success({ output: { kind: 'file', file: file.value }, opens: '' }) : file;
  }
  const files = safetensorsFiles(checkpoint);
  if (!files.ok) return files;
  const opens = files.value.at(-1)?.name ?? '';
  return success({ output: { kind: 'folder', files: [...files.value, ...companions] }, opens });
}

/** A checkpoint that makes sense in a folder only. Fails with `output-kind`, or as making files does. */
export function folderOutput(
  target: string,
  checkpoint: OutputCheckpoint,
  companions: readonly OutputFile[],
): Result<Pick<WritePlan, 'output' | 'opens'>> {
  if (isSingleFile(target)) {
    const message = `${target} names a file, but a configuration belongs beside the weights.`;
    return refuse('output-kind', target, message);
  }
  return checkpointOutput(target, checkpoint, companions);
}

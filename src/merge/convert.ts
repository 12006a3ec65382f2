import { basename } from 'node:path';
import { copiedTensor, type OutputFile } from '../format/output-file';
import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import type { Table } from '../protocol/artifact';
import type { ConvertAction } from '../protocol/write';
import { checkpointOutput } from './output';
import type { WritePlan } from './plan';
import { mergeFinding } from './problems';
import { withoutTies } from './ties';

/**
 * A checkpoint of any container as safetensors, every value as it is. A file that is safetensors already keeps its order of
 * tensors, so that with its metadata kept it comes out byte by byte the same. Tensors that share all their values are written
 * once unless `tied` says otherwise, as the safetensors library does (`save_model`): the names left out stand in the metadata,
 * each with the name it shares its values with. Fails as making files does.
 */
export function planConversion(
  checkpoint: Checkpoint,
  { metadata, tied, mostShardBytes }: Omit<ConvertAction, 'kind' | 'path'>,
  target: string,
  companions: readonly OutputFile[],
): Result<WritePlan> {
  const found = withoutTies(checkpoint.tensors);
  const { kept, tied: shared } = tied === 'once' ? found : { kept: checkpoint.tensors, tied: [] };
  const isSafetensors = checkpoint.container.startsWith('safetensors');
  const own = keptMetadata(checkpoint, metadata, isSafetensors);
  const output = checkpointOutput(target, {
    stem: stemOf(checkpoint),
    tensors: kept.map((entry) => copiedTensor(entry)),
    metadata: { ...own, ...Object.fromEntries(shared.map(({ name, as }) => [name, as])) },
    order: isSafetensors ? 'given' : 'library',
    mostShardBytes,
  }, companions); // prettier-ignore
  if (!output.ok) return output;
  const findings = shared.map(({ name, as }) =>
    mergeFinding('tensors-tied', checkpoint.path, `${name} shares its values with ${as}, and is not written again.`, name),
  ); // prettier-ignore
  const dropped = Object.keys(checkpoint.metadata).filter((key) => !Object.hasOwn(own, key));
  return success({
    ...output.value,
    tensors: kept.length,
    check: () => Promise.resolve(success(null)),
    report: () => ({
      summary: `${String(kept.length)} tensors from ${checkpoint.container}, values unchanged; ${metadataText(own, dropped)}.`,
      tables: [tensorTable(kept)],
      findings: [...checkpoint.findings, ...findings],
    }),
  });
}

/** Loaders find adapters and parts of pipelines by the names of their files, and so they keep them. */
function stemOf({ files, path }: Checkpoint): string {
  const [, kept] =
    /^(adapter_model|adapters|pytorch_lora_weights|diffusion_pytorch_model)\b/.exec(
      basename(files[0]?.path ?? path),
    ) ?? [];
  return kept ?? 'model';
}

function metadataText(own: Readonly<Record<string, string>>, dropped: readonly string[]): string {
  if (dropped.length > 0) return `left out of the metadata: ${dropped.join(', ')}`;
  return Object.keys(own).length > 0 ? `metadata kept: ${Object.keys(own).join(', ')}` : 'no metadata';
}

/** `format` always stays: transformers refuses files without it. Files of torch get it. */
function keptMetadata(
  { metadata }: Checkpoint,
  choice: ConvertAction['metadata'],
  isSafetensors: boolean,
): Readonly<Record<string, string>> {
  const format = metadata['format'] ?? (isSafetensors ? undefined : 'pt');
  const first: Readonly<Record<string, string>> = format === undefined ? {} : { format };
  if (choice === 'strip') return first;
  return isSafetensors ? metadata : { ...first, ...metadata };
}

function tensorTable(tensors: readonly TensorEntry[]): Table {
  return {
    kind: 'table',
    id: 'tensors',
    title: 'Tensors',
    columns: [
      { name: 'tensor', title: 'Tensor', type: 'text' },
      { name: 'dtype', title: 'Dtype', type: 'text' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'bytes', title: 'Size', type: 'bytes' },
    ],
    rows: tensors.map(({ name, span }) => [name, span.dtype, `[${span.shape.join(', ')}]`, span.bytes]),
  };
}

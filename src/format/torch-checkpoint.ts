import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, TensorEntry } from './checkpoint';
import { globalFindings } from './pickle-globals';
import type { PickleContent } from './pickle';
import { countOf, formatFinding, quoted } from './problems';
import type { FileState } from './read';
import { isOptimizerState, optimizerTensors } from './optimizer-state';
import { stateDictOf, type StateDict } from './state-dict';
import { TensorPlacer, type StorageSpan } from './torch-storage';

/** What a file of `torch.save` holds, of either container. */
export interface TorchFile {
  readonly container: string;
  readonly file: FileState;
  readonly pickle: PickleContent;
  /** Where the pickle begins in the file. */
  readonly pickleStart: number;
  /** By key, as the pickle names them. */
  readonly storages: ReadonlyMap<string, StorageSpan>;
  /** Set where elements are big endian. */
  readonly bigEndian?: boolean;
  /** Of the bytes of the directory, for the fingerprint. */
  readonly directory: Uint8Array;
}

/**
 * The checkpoint in what torch saved: its named tensors, each placed in the file, and what is odd about it. `open`
 * opens a model beside an optimizer's state, for the names of its parameters. Fails with
 * `tensor-storage`, `pickle-malformed`, or as reading does.
 */
export async function torchCheckpoint(
  torch: TorchFile,
  open: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Result<Checkpoint>> {
  const { file, pickle } = torch;
  const { path } = file;
  const flattened = await namedTensors(torch, open);
  if (!flattened.ok) return flattened;
  const { dict, unnamed } = flattened.value;
  const placer = new TensorPlacer(path, torch.storages, torch.bigEndian);
  const tensors: TensorEntry[] = [];
  for (const { name, tensor } of dict.tensors) {
    const placed = placer.place(name, tensor);
    if (!placed.ok) return placed;
    if (placed.value !== null) tensors.push(placed.value);
  }
  const findings: Finding[] = [
    ...globalFindings(path, pickle.globals, torch.pickleStart),
    ...placer.findings,
  ];
  if (dict.leftOut > 0) {
    const message = `${path}: the weights are those of ${quoted(dict.within ?? '')}; ${countOf(dict.leftOut, 'tensor')} beside them (an optimizer's, for example) are not listed.`;
    findings.push(formatFinding('tensors-left-out', path, message, dict.within ?? ''));
  }
  if (unnamed > 0) {
    const message = `${path} numbers ${countOf(unnamed, 'parameter')} and does not name them.`;
    findings.push(formatFinding('optimizer-unnamed', path, message));
  }
  if (tensors.length === 0) {
    findings.push(formatFinding('no-tensors', path, `${path} holds no tensor that can be read.`));
  }
  return success({
    path,
    container: torch.container,
    files: [file],
    tensors,
    metadata: dict.metadata,
    fingerprint: fingerprintOf(torch),
    findings,
  });
}

interface Flattened {
  readonly dict: StateDict;
  /** Parameters of an optimizer whose names are not known. */
  readonly unnamed: number;
}

async function namedTensors(
  { file: { path }, pickle: { value } }: TorchFile,
  open: (path: string) => Promise<Result<Checkpoint>>,
): Promise<Result<Flattened>> {
  const flattened = stateDictOf(value, path);
  if (!flattened.ok) return flattened;
  if (!isOptimizerState(value)) return success({ dict: flattened.value, unnamed: 0 });
  const { tensors, unnamed } = await optimizerTensors(path, value, open);
  return success({
    dict: { tensors, within: null, leftOut: 0, metadata: flattened.value.metadata },
    unnamed,
  });
}

function fingerprintOf({ file, directory }: TorchFile): string {
  const hash = createHash('sha256').update(directory);
  return hash
    .update(`${String(file.bytes)} ${String(file.modifiedMs)}`)
    .digest('hex')
    .slice(0, 32);
}

import fs from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../../format/checkpoint';
import { QUANTIZATION_FILES } from '../../format/packed/quantization-config';
import { openCheckpoint } from '../../format/registry';
import { isHubAddress } from '../../protocol/hub-address';
import type { Result } from '../../protocol/result';
import { RecentlyUsed } from './recently-used';

/** Tensors of all remembered directories together; a tensor's entry takes some 300 bytes. */
const CAPACITY = 500_000;

interface Opened {
  readonly checkpoint: Checkpoint;
  /** What the directory was read from, as it was then. */
  readonly stamp: string;
}

/**
 * Opens checkpoints and remembers their directories, bounded. A remembered one is used only while every file it was
 * read from still has the size and modification time it had; problems are never remembered.
 */
export class DirectoryCache {
  private readonly opened = new RecentlyUsed<Opened>(CAPACITY);
  /** By address; the tensors are those of copies. */
  private readonly fromHub = new RecentlyUsed<Checkpoint>(CAPACITY);
  private readonly opening = new Map<string, Promise<Result<Checkpoint>>>();

  /** Opens `file` (a checkpoint, an index, a folder), or fails as `openCheckpoint` does. */
  open(file: string): Promise<Result<Checkpoint>> {
    const running = this.opening.get(file);
    if (running) return running;
    const started = this.openOrRecall(file).finally(() => this.opening.delete(file));
    this.opening.set(file, started);
    return started;
  }

  private async openOrRecall(file: string): Promise<Result<Checkpoint>> {
    if (isHubAddress(file)) return this.openFromHub(file);
    const known = this.opened.get(file);
    if (known && known.stamp === (await stampOf(file, known.checkpoint))) {
      return { ok: true, value: known.checkpoint };
    }
    this.opened.delete(file);
    const result = await openCheckpoint(file);
    if (result.ok) {
      const stamp = await stampOf(file, result.value);
      if (unchangedSince(result.value, stamp)) {
        this.opened.set(file, { checkpoint: result.value, stamp }, result.value.tensors.length + 1);
      }
    }
    return result;
  }

  /** Asks the Hub what the address stands for now; the copy of a commit is recalled as any checkpoint. */
  private async openFromHub(address: string): Promise<Result<Checkpoint>> {
    const result = await openCheckpoint(address, (copy) => this.open(copy));
    if (!result.ok) return result;
    const known = this.fromHub.get(address);
    // The same object where all is the same: others remember what they found out about it.
    if (known && known.tensors === result.value.tensors && sameFindings(known, result.value))
      return { ok: true, value: known };
    this.fromHub.set(address, result.value, result.value.tensors.length + 1);
    return result;
  }
}

function sameFindings(one: Checkpoint, other: Checkpoint): boolean {
  const texts = ({ findings }: Checkpoint) => findings.map(({ message }) => message).join('\n');
  return texts(one) === texts(other);
}

/** Size and modification time of all that a directory depends on, one line each; the data files come first. */
async function stampOf(file: string, checkpoint: Checkpoint): Promise<string> {
  const dataFiles = checkpoint.files.map((data) => data.path);
  const folder = dataFiles[0] === undefined ? path.dirname(file) : path.dirname(dataFiles[0]);
  const indexes = await indexesIn(folder);
  const beside = ['adapter_config.json', ...QUANTIZATION_FILES].map((name) => path.join(folder, name));
  const lines = [...dataFiles, file, ...beside, ...indexes].map(async (each) => {
    const stat = await fs.stat(each).catch(() => null);
    return stat ? line(each, stat.size, stat.mtimeMs) : `${each} missing`;
  });
  return (await Promise.all(lines)).join('\n');
}

/** False where a file was written to between reading its header and taking the stamp. */
function unchangedSince(checkpoint: Checkpoint, stamp: string): boolean {
  const read = checkpoint.files.map((data) => line(data.path, data.bytes, data.modifiedMs));
  return read.length === 0 || stamp.startsWith(`${read.join('\n')}\n`);
}

function line(file: string, bytes: number, modifiedMs: number): string {
  return `${file} ${String(bytes)} ${String(modifiedMs)}`;
}

async function indexesIn(folder: string): Promise<string[]> {
  const names = await fs.readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.index.json')).map((name) => path.join(folder, name));
}

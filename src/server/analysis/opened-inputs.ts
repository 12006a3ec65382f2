import type { Checkpoint } from '../../format/checkpoint';
import { firstChanged } from '../../format/unchanged';
import { isHubAddress } from '../../protocol/hub-address';
import type { Problem, Result } from '../../protocol/result';
import type { Directories } from './context';

/**
 * The checkpoints that one request has opened, to find out in the end whether they are still the same. An address of the Hub stands for
 * one commit throughout.
 */
export class OpenedInputs implements Directories {
  private readonly opened = new Set<Checkpoint>();
  private readonly fromHub = new Map<string, Promise<Result<Checkpoint>>>();

  constructor(private readonly directories: Directories) {}

  async open(file: string): Promise<Result<Checkpoint>> {
    const opening = this.fromHub.get(file) ?? this.directories.open(file);
    if (isHubAddress(file)) this.fromHub.set(file, opening);
    const result = await opening;
    if (result.ok) this.opened.add(result.value);
    return result;
  }

  /** What was opened so far. */
  get checkpoints(): readonly Checkpoint[] {
    return [...this.opened];
  }

  /** `file-changed` where a file is another than when its directory was read: what was computed from it is worth nothing. */
  changed(): Promise<Problem | null> {
    return firstChanged([...this.opened].flatMap(({ files }) => files));
  }
}

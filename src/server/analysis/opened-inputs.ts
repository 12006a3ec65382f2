import type { Checkpoint } from '../../format/checkpoint';
import { firstChanged } from '../../format/unchanged';
import type { Problem, Result } from '../../protocol/result';
import type { Directories } from './context';

/** The checkpoints that one request has opened, to find out in the end whether they are still the same. */
export class OpenedInputs implements Directories {
  private readonly opened = new Set<Checkpoint>();

  constructor(private readonly directories: Directories) {}

  async open(file: string): Promise<Result<Checkpoint>> {
    const result = await this.directories.open(file);
    if (result.ok) this.opened.add(result.value);
    return result;
  }

  /** `file-changed` where a file is another than when its directory was read: what was computed from it is worth nothing. */
  changed(): Promise<Problem | null> {
    return firstChanged([...this.opened].flatMap(({ files }) => files));
  }
}

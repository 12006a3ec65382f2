import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Checkpoint } from '../../format/checkpoint';
import { cancelled, failure, problemFromError, success, type Result } from '../../protocol/result';
import { RecentlyUsed } from './recently-used';

const REMEMBERED = 1000;

/**
 * SHA-256 over all bytes of checkpoints, for who does not trust sizes and modification times. Remembered by fingerprint
 * while the process lives. Fails with `cancelled` or as reading does.
 */
export class ContentHashes {
  private readonly known = new RecentlyUsed<string>(REMEMBERED);

  /** The hash of a checkpoint's files, in their order; 64 hexadecimal digits. */
  async of(checkpoint: Checkpoint, signal: AbortSignal): Promise<Result<string>> {
    const remembered = this.known.get(checkpoint.fingerprint);
    if (remembered !== undefined) return success(remembered);
    const hash = createHash('sha256');
    for (const { path } of checkpoint.files) {
      try {
        for await (const piece of fs.createReadStream(path, { highWaterMark: 2 ** 20 })) {
          if (signal.aborted) return cancelled();
          hash.update(piece as Buffer);
        }
      } catch (error) {
        return failure(problemFromError(error, path));
      }
    }
    const digest = hash.digest('hex');
    this.known.set(checkpoint.fingerprint, digest, 1);
    return success(digest);
  }
}

import type { Problem } from '../../protocol/result';
import { formatProblem } from '../problems';
import type { HubAnswer } from './http';
import type { HubFile } from './listing';

/** What a copy of a remote file is a copy of: a file of a commit, whose content never changes. */
export interface MirrorSource extends HubFile {
  readonly endpoint: string;
  /** `owner/name` */
  readonly repository: string;
  readonly commit: string;
  /** The ETag of a store that does not tell the Hub's hash: that of its first answer, which all others have to have, too. */
  readonly seen?: string;
}

/** Whether an answer is the range that was asked for, of the file that the copy is made of: `hub-changed` and `hub-range-ignored` say that it is not. */
export function problemOfRange(
  source: MirrorSource,
  { response, linked, etag }: HubAnswer,
  url: string,
  start: number,
  end: number,
): Problem | null {
  const changed = formatProblem('hub-changed', url, `${url} is another file than when it was opened.`);
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (response.status === 416) return changed;
  const isWhole = response.status === 200 && start === 0 && end === source.bytes;
  const ignored = (what: string) =>
    formatProblem('hub-range-ignored', url, `${url}: the server sends ${what}.`);
  if (response.status !== 206 && !isWhole) return ignored('the whole file where a part was asked for');
  if (range && Number(range[3]) !== source.bytes) return changed;
  const same =
    linked !== null
      ? source.etag === null || linked === source.etag
      : etag === null || etag === source.etag || source.seen === undefined || etag === source.seen;
  if (!same) return changed;
  return range && Number(range[1]) !== start ? ignored('other bytes than those asked for') : null;
}

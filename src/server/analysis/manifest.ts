import fs from 'node:fs/promises';
import { manifestBytes, manifestDiffBytes } from '../../model/manifest/manifest-text';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { problemFromError, success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inspect } from './inspect';

/**
 * A checkpoint's directory as text, or as a new file `into`, and then no text; reads no values. Fails as opening does, of both where
 * there are two, and as writing does.
 */
export async function manifest(
  { path, roots, against, into }: RequestParams<'deltalens/manifest'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/manifest'>> {
  const view = await inspect({ path, roots }, context);
  if (!view.ok) return view;
  const other = against === undefined ? null : await inspect({ path: against, roots }, context);
  if (other && !other.ok) return other;
  const bytes = other ? manifestDiffBytes(view.value, other.value) : manifestBytes(view.value);
  if (into === undefined) return success({ text: Buffer.from(bytes).toString() });
  try {
    await fs.writeFile(into, bytes, { flag: 'wx' });
    return success({ text: '' });
  } catch (error) {
    return { ok: false, problem: problemFromError(error, into) };
  }
}

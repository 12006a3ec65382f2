import { manifestDiffText, manifestText } from '../../model/manifest/manifest-text';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inspect } from './inspect';

/** A checkpoint's directory as text; reads no values. Fails as opening does, of both where there are two. */
export async function manifest(
  { path, roots, against }: RequestParams<'deltalens/manifest'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/manifest'>> {
  const view = await inspect({ path, roots }, context);
  if (!view.ok) return view;
  if (against === undefined) return success({ text: manifestText(view.value) });
  const other = await inspect({ path: against, roots }, context);
  return other.ok ? success({ text: manifestDiffText(view.value, other.value) }) : other;
}

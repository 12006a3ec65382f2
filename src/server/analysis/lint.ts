import fs from 'node:fs/promises';
import { basename } from 'node:path';
import { lint } from '../../lint/registry';
import { isWeightsName } from '../../protocol/checkpoint-names';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { cancelled, failure, problemFromError, success, type Result } from '../../protocol/result';
import { isMirrored } from '../../tensor/mirrored';
import type { AnalysisContext } from './context';
import { lintContextOf } from './lint-context';

/** The largest index that is opened, too; Node reads no longer text than this at once. */
const LONGEST_TEXT = 256 * 2 ** 20;

/**
 * Findings of one document or binary file. Fails with `cancelled`, `document-too-large`, or with the operating
 * system's answer where a document cannot be read.
 */
export async function lintDocument(
  { path, text, roots }: RequestParams<'deltalens/lint'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/lint'>> {
  const document = text === undefined ? await readDocument(path) : success(text);
  if (!document.ok) return document;
  // Values of a model of the Hub are fetched when somebody asks for them, and not to look for NaN.
  const scanLimit = isMirrored(path) ? 0 : context.scanLimit;
  const findings = await lint(path, document.value, lintContextOf({ ...context, scanLimit }, roots));
  return context.signal.aborted ? cancelled() : success(findings);
}

/** The text on disk; `null` for a binary file. */
async function readDocument(path: string): Promise<Result<string | null>> {
  if (isWeightsName(basename(path))) return success(null);
  try {
    const { size } = await fs.stat(path);
    if (size > LONGEST_TEXT) {
      const message = `${path} has ${String(size)} bytes; documents above 256 MiB are not checked.`;
      return failure({
        code: 'document-too-large',
        message,
        action: 'Check that it is the right file.',
        path,
      });
    }
    return success(await fs.readFile(path, 'utf8'));
  } catch (error) {
    return failure(problemFromError(error, path));
  }
}

import { exportCommand } from '../../model/export-command';
import { architectureBeside } from '../../model/read-architecture';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';

/** Says how to export a checkpoint as ONNX, from the configuration beside it. Fails as opening it does. */
export async function exportCommandFor(
  { path }: RequestParams<'deltalens/exportCommand'>,
  { directories }: AnalysisContext,
): Promise<RequestResult<'deltalens/exportCommand'>> {
  const opened = await directories.open(path);
  if (!opened.ok) return opened;
  const { architecture } = await architectureBeside(opened.value);
  return success(exportCommand(path, architecture));
}

import { loadRuntime } from '../../graph/runtime';
import type { RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';

/** Loads onnxruntime and names its version; fails with `runtime-missing` or `runtime-broken`. */
export async function runtime(): Promise<RequestResult<'deltalens/runtime'>> {
  const loaded = await loadRuntime();
  return loaded.ok ? success({ onnxruntime: loaded.value.version }) : loaded;
}

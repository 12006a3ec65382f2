import type { Checkpoint } from '../../format/checkpoint';
import { byteText, expectFetching } from '../../format/hub/allowance';
import { bytesToFetch } from '../../format/hub/fetch-spans';
import { hubSettings } from '../../format/hub/settings';
import type { Study } from '../../model/study';
import type { AnalysisContext } from './context';

/** Progress in words: how much has come from the Hub, of how much this pass needs. */
export function tellFetching(
  progress: (fraction: number, message: string) => void,
): (done: number, total: number) => void {
  return (done, total) => {
    const of = `${byteText(done)} of ${byteText(total)}`;
    progress(done / Math.max(1, total), `Fetching ${of} from ${new URL(hubSettings().endpoint).host}`);
  };
}

/**
 * Says, before something is read, how much may be fetched at most: all tensors of the inputs that are not here yet. Whether the user has
 * to be asked first turns out when it is fetched.
 */
export async function announceFetching(
  inputs: readonly Checkpoint[],
  context: AnalysisContext,
): Promise<{ bytes: number; models: readonly string[] }> {
  const { bytes, models } = await bytesToFetch(inputs.map(({ tensors }) => tensors));
  expectFetching(bytes, models);
  if (bytes === 0) return { bytes, models };
  const { endpoint, folder } = hubSettings();
  const text = `Up to ${byteText(bytes)} will be fetched from ${new URL(endpoint).host}`;
  context.progress(0, text);
  context.log(`${text}, and kept in ${folder}.`);
  return { bytes, models };
}

/** The checkpoints of a study. */
export function inputsOf({ base, tasks }: Study): readonly Checkpoint[] {
  return [...(base ? [base] : []), ...tasks.map(({ checkpoint }) => checkpoint)];
}

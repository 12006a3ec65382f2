import { bytesToFetch } from '../../format/hub/fetch-spans';
import { hubSettings } from '../../format/hub/settings';
import type { Study } from '../../model/study';
import type { AnalysisContext } from './context';

/** Progress in words: how much has come from the Hub, of how much this pass needs. */
export function tellFetching(
  progress: (fraction: number, message: string) => void,
): (done: number, total: number) => void {
  return (done, total) => {
    const of = `${bytesText(done)} of ${bytesText(total)}`;
    progress(done / Math.max(1, total), `Fetching ${of} from ${new URL(hubSettings().endpoint).host}`);
  };
}

/** Says, before a lens runs, how much it may fetch at most: all tensors of its inputs that are not here yet. */
export async function announceFetching({ base, tasks }: Study, context: AnalysisContext): Promise<void> {
  const inputs = [...(base ? [base] : []), ...tasks.map(({ checkpoint }) => checkpoint)];
  const most = await bytesToFetch(inputs.map(({ tensors }) => tensors));
  if (most === 0) return;
  const { endpoint, folder } = hubSettings();
  const text = `Up to ${bytesText(most)} will be fetched from ${new URL(endpoint).host}`;
  context.progress(0, text);
  context.log(`${text}, and kept in ${folder}.`);
}

/** `812 B`, `1.3 GB`: powers of ten, as the Hub shows sizes. */
function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? ''}`;
}

import { bytesText, plain } from '../../lint/hover-text';
import { counted } from '../../lint/wording';
import type { AdapterSummary } from '../../protocol/checkpoint';
import { hubOriginText } from '../../protocol/hub-address';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inspect } from './inspect';

/** What a checkpoint is, for a hover. One that cannot be opened has a card, too: what is wrong and what to do. */
export async function checkpointCard(
  { path, roots }: RequestParams<'deltalens/card'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/card'>> {
  const inspected = await inspect({ path, roots }, context);
  if (!inspected.ok) {
    const { message, action } = inspected.problem;
    return success({ markdown: plain(`${message} ${action}`) });
  }
  const { name, container, origin, architecture, adapter } = inspected.value;
  const { tensorCount, parameters, bytes, dtypes } = inspected.value;
  const size = [
    counted(tensorCount, 'tensor'),
    counted(parameters, 'parameter'),
    bytesText(bytes),
    dtypes.map(({ label }) => label).join(', '),
  ];
  const kind = adapter ? adapterText(adapter) : `Checkpoint (${container})`;
  const lines = [`**${plain(name)}**`, plain(kind), plain(size.join(' · '))];
  if (origin) lines.push(plain(`Hub: ${hubOriginText(origin)}`));
  return success({ markdown: [...lines, ...(architecture ? [plain(architecture)] : [])].join('\n\n') });
}

function adapterText({ kind, rank, alpha, scale, baseName, basePath }: AdapterSummary): string {
  const base = basePath ?? baseName;
  const facts = [
    ['rank', rank],
    ['alpha', alpha],
    ['scale', scale],
    ['base', base ?? ''],
  ].flatMap(([title = '', value = '']) => (value === '' ? [] : [`${title} ${value}`]));
  return [`${kind} adapter`, ...facts].join(' · ');
}

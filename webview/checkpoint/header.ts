import { briefCount, formatBytes, formatCount } from '../../src/figure/number-text';
import type { AdapterSummary, Breakdown, CheckpointView } from '../../src/protocol/checkpoint';
import { hubOriginText } from '../../src/protocol/hub-address';
import type { FromCheckpointEditor } from '../../src/protocol/panel';
import { element, icon, textButton } from '../dom';
import { findingList } from '../finding-list';
import { metadataView } from './metadata';

type Send = (message: FromCheckpointEditor) => void;

/** Everything above the tensor table: what the checkpoint is, how it is made up, and what is wrong with it. */
export function checkpointHeader(view: CheckpointView, send: Send): HTMLElement {
  const facts = [
    view.container,
    `${briefCount(view.parameters)} parameters`,
    formatBytes(view.bytes),
    `${formatCount(view.tensorCount)} ${view.tensorCount === 1 ? 'tensor' : 'tensors'}`,
    ...(view.files.length > 1 ? [`${formatCount(view.files.length)} files`] : []),
    ...(view.architecture ? [view.architecture] : []),
    ...(view.origin ? [hubOriginText(view.origin)] : []),
  ];
  const exact = `${formatCount(view.parameters)} parameters, ${formatCount(view.bytes)} bytes of tensors`;
  return element(
    'header',
    { class: 'checkpoint-header' },
    element(
      'div',
      { class: 'title-row' },
      icon(view.kind === 'adapter' ? 'extensions' : 'database'),
      element('h1', { text: view.name, title: view.path }),
      element('span', { class: 'spring' }),
      textButton('Compare with Base…', () => send({ type: 'command', command: 'compareWithBase' }), {
        icon: 'diff',
      }),
      textButton('Run Lens…', () => send({ type: 'command', command: 'runLens' }), {
        icon: 'beaker',
        secondary: true,
      }),
    ),
    element('p', { class: 'facts', title: exact }, ...facts.map((fact) => element('span', { text: fact }))),
    shardBanner(view, send),
    findingList(view.findings),
    element(
      'div',
      { class: 'cards' },
      view.adapter ? adapterCard(view.adapter, send) : null,
      breakdownCard('By dtype', view.dtypes),
      breakdownCard('By module', view.modules),
    ),
    metadataView(view),
  );
}

function shardBanner({ shardOf }: CheckpointView, send: Send): HTMLElement | null {
  if (!shardOf) return null;
  const text = `One of ${formatCount(shardOf.shards)} shards of a larger model.`;
  const open = textButton('Open the Whole Model', () => send({ type: 'open', path: shardOf.indexPath }), {
    secondary: true,
  });
  return element('div', { class: 'banner' }, icon('info'), element('span', { text }), open);
}

function adapterCard(adapter: AdapterSummary, send: Send): HTMLElement {
  const facts = [
    ['naming', adapter.layout ?? '–'],
    ['rank', adapter.rank],
    ['alpha', adapter.alpha],
    ['scale', adapter.scale],
    ['targets', adapter.targets.join(', ') || '–'],
    ['base', adapter.baseName ?? '–'],
  ] as const;
  const list = element('dl', { class: 'adapter-facts' });
  for (const [name, text] of facts)
    list.append(element('dt', { text: name }), element('dd', { text, title: text }));
  const { basePath } = adapter;
  const base = basePath
    ? textButton('Open Base', () => send({ type: 'open', path: basePath }), {
        icon: 'go-to-file',
        secondary: true,
      })
    : element('p', { class: 'muted' }, icon('warning'), ' The base was not found in the workspace.');
  return element(
    'section',
    { class: 'card' },
    element('h3', { text: `${adapter.kind} adapter` }),
    list,
    base,
  );
}

const MOST_BARS = 6;

function breakdownCard(title: string, parts: readonly Breakdown[]): HTMLElement | null {
  if (parts.length === 0) return null;
  const sorted = [...parts].sort((a, b) => b.bytes - a.bytes);
  const total = sorted.reduce((sum, part) => sum + part.bytes, 0);
  const rest = sorted.slice(MOST_BARS);
  const shown = [...sorted.slice(0, MOST_BARS), ...(rest.length > 0 ? [joined(rest)] : [])];
  const rows = shown.map((part) => {
    const share = total > 0 ? part.bytes / total : 0;
    const fill = element('span');
    fill.style.width = `${(share * 100).toFixed(2)}%`;
    const hint = `${formatCount(part.tensors)} tensors, ${formatCount(part.parameters)} parameters, ${formatBytes(part.bytes)}`;
    return element(
      'div',
      { class: 'bar-row', title: hint },
      element('span', { class: 'bar-name', text: part.label }),
      element('span', { class: 'share-bar', attributes: { 'aria-hidden': 'true' } }, fill),
      element('span', { class: 'bar-value', text: briefCount(part.parameters) }),
      element('span', { class: 'bar-value muted', text: formatBytes(part.bytes) }),
    );
  });
  return element('section', { class: 'card' }, element('h3', { text: title }), ...rows);
}

function joined(parts: readonly Breakdown[]): Breakdown {
  const sum = (key: 'tensors' | 'parameters' | 'bytes') =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    label: `${String(parts.length)} more`,
    tensors: sum('tensors'),
    parameters: sum('parameters'),
    bytes: sum('bytes'),
  };
}

import path from 'node:path';
import { briefCount, formatBytes, formatCount, formatShape } from '../../figure/number-text';
import { manifestText } from '../../model/manifest/manifest-text';
import type { Breakdown, CheckpointView } from '../../protocol/checkpoint';
import { hubOriginText } from '../../protocol/hub-address';
import { runFolders } from '../../model/training-run';
import { wrongUse, type Arguments } from '../arguments';
import { JSON_OPTION, type Command } from '../command';
import { EXIT, exitCodeOfFindings, type ExitCode } from '../exit-codes';
import { findingsText } from '../findings-text';
import { visible } from '../../protocol/visible-text';
import { nextText, runCheckpoints, runText } from '../run-listing';
import type { Session } from '../session';
import { textTable, type TextColumn } from '../text-table';
import { inputPath } from '../input-path';

export const inspect: Command = {
  name: 'inspect',
  usage: ['PATH [--json | --manifest]'],
  summary: 'what is in a checkpoint or adapter, per tensor and in sum; reads headers only',
  options: [
    JSON_OPTION,
    { name: 'manifest', help: 'print one line per tensor in an order and form that suit diff and grep' },
  ],
  async run(given, session) {
    const [file, ...more] = given.positionals;
    if (file === undefined || more.length > 0) {
      return session.fail(wrongUse('"inspect" takes one path.', 'See "deltalens help inspect".'));
    }
    const roots = [process.cwd(), path.dirname(path.resolve(file))];
    const result = await session.ask('deltalens/inspect', { path: inputPath(file), roots });
    if (!result.ok && result.problem.code === 'folder-of-run') return listRun(file, given, session);
    if (!result.ok) return session.fail(result.problem);
    if (given.has('manifest')) {
      session.output.print(manifestText(result.value));
      return exitCodeOfFindings(result.value.findings);
    }
    const view = result.value;
    session.output.print(given.has('json') ? `${JSON.stringify(view, null, 2)}\n` : viewText(view));
    if (!given.has('json')) {
      if ((await runFolders(file)).length > 0) session.output.print(`\n${nextText(file)}`);
      session.output.complain(findingsText(view.findings));
    }
    return exitCodeOfFindings(view.findings);
  },
};

/** The folder of a training run has no weights of its own: its checkpoints are listed. */
async function listRun(folder: string, given: Arguments, session: Session): Promise<ExitCode> {
  const checkpoints = await runCheckpoints(path.resolve(folder), session);
  const isJson = given.has('json');
  session.output.print(
    isJson ? `${JSON.stringify({ kind: 'run', checkpoints }, null, 2)}\n` : runText(folder, checkpoints),
  );
  return EXIT.fine;
}

function viewText(view: CheckpointView): string {
  const parts = [
    facts(view),
    breakdown('dtype', view.dtypes),
    breakdown('module', view.modules),
    tensors(view),
  ];
  return parts.join('\n');
}

function facts(view: CheckpointView): string {
  const { adapter } = view;
  const lines: [string, string][] = [
    ['name', view.name],
    ['container', view.container],
    ['architecture', view.architecture ?? '–'],
    ['parameters', `${formatCount(view.parameters)} (${briefCount(view.parameters)})`],
    ['tensors', formatCount(view.tensorCount)],
    ['data', formatBytes(view.bytes)],
    ['files', formatCount(view.files.length)],
  ];
  if (view.origin) lines.push(['hub', `${hubOriginText(view.origin)}, from ${view.origin.host}`]);
  if (view.shardOf)
    lines.push(['shard of', `${view.shardOf.indexPath} (${String(view.shardOf.shards)} shards)`]);
  if (adapter) {
    const facts = [
      ['rank', adapter.rank],
      ['alpha', adapter.alpha],
      ['scale', adapter.scale],
    ].flatMap(([name = '', value = '']) => (value === '' ? [] : [`${name} ${value}`]));
    lines.push(['adapter', [adapter.kind, ...facts].join(', ')]);
    if (adapter.layout !== null) lines.push(['naming', adapter.layout]);
    if (adapter.targets.length > 0) lines.push(['targets', adapter.targets.join(', ')]);
    lines.push(['base', adapter.basePath ?? `${adapter.baseName ?? '–'} (not found)`]);
  }
  for (const [key, value] of Object.entries(view.metadata)) lines.push([key, value]);
  const width = Math.max(...lines.map(([title]) => title.length));
  return lines.map(([title, text]) => visible(`${title.padEnd(width)}  ${text}`) + '\n').join('');
}

const COUNTS: readonly TextColumn[] = ['TENSORS', 'PARAMETERS', 'SIZE'].map((title) => ({
  title,
  align: 'right',
}));

function breakdown(title: string, parts: readonly Breakdown[]): string {
  return textTable(
    [{ title: title.toUpperCase(), align: 'left' }, ...COUNTS],
    parts.map((part) => [
      part.label,
      formatCount(part.tensors),
      formatCount(part.parameters),
      formatBytes(part.bytes),
    ]),
  );
}

function tensors({ tensors: columns }: CheckpointView): string {
  return textTable(
    [
      { title: 'TENSOR', align: 'left' },
      { title: 'DTYPE', align: 'left' },
      { title: 'SHAPE', align: 'left' },
      { title: 'PARAMETERS', align: 'right' },
      { title: 'SIZE', align: 'right' },
    ],
    columns.name.map((name, index) => [
      name,
      columns.dtype[index] ?? '',
      formatShape(columns.shape[index] ?? []),
      formatCount(columns.parameters[index] ?? 0),
      formatBytes(columns.bytes[index] ?? 0),
    ]),
  );
}

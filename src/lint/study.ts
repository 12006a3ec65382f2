import { isMap, isScalar, isSeq, parseDocument, type Document, type YAMLError } from 'yaml';
import { MODEL_CODES } from '../model/finding-codes';
import { openStudy } from '../model/open-study';
import { parseStudy } from '../model/study-file';
import type { Finding, TextRange } from '../protocol/finding';
import type { Problem } from '../protocol/result';
import type { StudySpec, TaskSpec } from '../protocol/study';
import { CODES, isFindingCode } from './codes';
import { FindingList } from './finding-list';
import type { LintContext, LintRule } from './rule';
import { checkGraph, type GraphPlaces } from './study-graph';
import { TextLines } from './text-lines';
import { clipped } from './wording';

/** A study: its YAML, the paths in it, and whether the tasks fit the base. */
export const studyRule: LintRule = {
  id: 'study',
  appliesTo: (path) => /\.study\.ya?ml$/.test(path),
  async check(path, text, context) {
    const findings = new FindingList(path);
    if (text === null) return [];
    const places = readPlaces(text, findings);
    if (!places) return findings.all();
    const parsed = parseStudy(text, path);
    if (!parsed.ok) {
      addProblem(parsed.problem, places, findings);
      return findings.all();
    }
    checkParts(parsed.value, places, findings);
    await checkFiles(parsed.value, places, context, findings);
    await checkGraph(parsed.value, places, context.signal, findings);
    return findings.all();
  },
};

/** Where everything is written. */
interface StudyPlaces extends GraphPlaces {
  readonly lines: TextLines;
  readonly start: TextRange;
  readonly base: TextRange;
  readonly run: TextRange;
  /** Ranges of the paths, by task name. */
  readonly tasks: ReadonlyMap<string, TextRange>;
  /** The range of what stands at a line and column, both counted from 1. */
  at(line: number, column: number): TextRange;
}

/** Finds the places; syntax errors become findings, and then there are none. */
function readPlaces(text: string, findings: FindingList): StudyPlaces | null {
  const lines = new TextLines(text);
  const document = parseDocument(text);
  // Nested beyond what the call stack holds, every level is an error of its own.
  if (document.errors.some(({ message }) => message.startsWith('Maximum call stack'))) {
    const message = 'YAML: values are nested too deeply.';
    findings.add('yaml-syntax', { range: lines.range(0, 1), message, help: CODES['yaml-syntax'].action });
    return null;
  }
  for (const error of document.errors) addSyntaxError(error, document, lines, findings);
  if (document.errors.length > 0) return null;
  const start = lines.range(0, Math.max(1, text.search(/[\r\n]|$/)));
  return {
    lines,
    start,
    base: rangeOf(document.getIn(['base'], true), lines) ?? start,
    run: rangeOf(document.getIn(['run'], true), lines) ?? start,
    tasks: taskRanges(document, lines),
    graph: rangeOf(document.getIn(['graph'], true), lines) ?? start,
    dataSet: (name) => setRange(document, 'data', name, lines) ?? start,
    fisher: (name) => setRange(document, 'fisher', name, lines) ?? start,
    at(line, column) {
      const begin = { line: line - 1, character: column - 1 };
      const row = text.split(/\r\n|[\r\n]/, line)[line - 1] ?? '';
      const word = /^[^\s#:,]*/.exec(row.slice(begin.character))?.[0].length ?? 0;
      return { start: begin, end: { line: line - 1, character: begin.character + Math.max(1, word) } };
    },
  };
}

function addSyntaxError(error: YAMLError, document: Document, lines: TextLines, findings: FindingList): void {
  const [start, end] = error.pos;
  const [message = 'this is not valid YAML'] = error.message.split(/ at line |\n/);
  const tasks = document.getIn(['tasks'], true);
  const inTasks = isMap(tasks) && tasks.range && start >= tasks.range[0] && start < tasks.range[2];
  if (error.code === 'DUPLICATE_KEY' && inTasks) {
    const key = tasks.items.find((item) => isScalar(item.key) && item.key.range?.[0] === start)?.key;
    findings.add('study-task-duplicate', {
      range: rangeOf(key, lines) ?? lines.range(start, end),
      message: 'A task of this name stands above already.',
      help: CODES['study-task-duplicate'].action,
    });
    return;
  }
  findings.add('yaml-syntax', {
    range: lines.range(start, Math.max(end, start + 1)),
    message: `YAML: ${message}.`,
    help: CODES['yaml-syntax'].action,
  });
}

function taskRanges(document: Document, lines: TextLines): ReadonlyMap<string, TextRange> {
  const ranges = new Map<string, TextRange>();
  const tasks = document.getIn(['tasks'], true);
  const put = (name: unknown, path: unknown) => {
    const range = rangeOf(path, lines);
    if (isScalar(name) && range) ranges.set(String(name.source ?? name.value), range);
  };
  if (isMap(tasks)) for (const { key, value } of tasks.items) put(key, value);
  if (isSeq(tasks)) {
    for (const item of tasks.items) if (isMap(item)) put(item.get('name', true), item.get('path', true));
  }
  return ranges;
}

/** The range of a path in the map `key`, which may be a path and nothing else. */
function setRange(
  document: Document,
  key: 'data' | 'fisher',
  name: string,
  lines: TextLines,
): TextRange | null {
  const data = document.getIn([key], true);
  if (!isMap(data)) return rangeOf(data, lines);
  const item = data.items.find(({ key }) => isScalar(key) && String(key.source ?? key.value) === name);
  return rangeOf(isMap(item?.value) ? item.value.get('path', true) : item?.value, lines);
}

function rangeOf(node: unknown, lines: TextLines): TextRange | null {
  return isScalar(node) && node.range ? lines.range(node.range[0], node.range[1]) : null;
}

/** A problem of the study's reader, whose place is `line 3, column 5`. */
function addProblem(problem: Problem, places: StudyPlaces, findings: FindingList): void {
  const place = /^line (\d+), column (\d+)$/.exec(problem.at ?? '');
  const message = problem.message.replace(/^.*?, line \d+, column \d+: /, '');
  findings.add(isFindingCode(problem.code) ? problem.code : 'study-invalid', {
    range: place ? places.at(Number(place[1]), Number(place[2])) : places.start,
    message: message.charAt(0).toUpperCase() + message.slice(1),
    help: problem.action,
  });
}

function checkParts(spec: StudySpec, places: StudyPlaces, findings: FindingList): void {
  if (spec.base === undefined) {
    findings.add('study-base-missing', {
      range: places.start,
      at: 'base',
      message: 'The study names no base, so there are no task vectors.',
      help: CODES['study-base-missing'].action,
    });
  }
  if (spec.tasks.length === 0) {
    findings.add('study-tasks-missing', {
      range: places.start,
      at: 'tasks',
      message: 'The study names no task, so there is nothing to compare.',
      help: CODES['study-tasks-missing'].action,
    });
  }
  for (const { name, path } of spec.tasks) {
    if (path !== spec.base) continue;
    findings.add('study-task-is-base', {
      range: places.tasks.get(name) ?? places.start,
      at: name,
      message: `The task "${clipped(name)}" is the base itself: its task vector is zero.`,
      help: CODES['study-task-is-base'].action,
    });
  }
}

async function checkFiles(
  spec: StudySpec,
  places: StudyPlaces,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const baseOpens =
    spec.base !== undefined && (await checkPath(spec.base, places.base, 'base', context, findings));
  for (const task of spec.tasks) {
    if (context.signal.aborted) return;
    const range = rangeOfTask(task, places);
    // The folder of a run is no checkpoint itself: opening the study opens those in it.
    const opens = task.run === true || (await checkPath(task.path, range, task.name, context, findings));
    if (baseOpens && opens && task.path !== spec.base) await checkTask(spec, task, places, context, findings);
  }
}

function rangeOfTask(task: TaskSpec, places: StudyPlaces): TextRange {
  return task.run === true ? places.run : (places.tasks.get(task.name) ?? places.start);
}

async function checkPath(
  path: string,
  range: TextRange,
  at: string,
  context: LintContext,
  findings: FindingList,
): Promise<boolean> {
  const opened = await context.open(path);
  if (opened.ok) return true;
  const { problem } = opened;
  const missing = problem.code === 'file-missing';
  findings.add(missing ? 'study-path-missing' : 'study-path-unreadable', {
    range,
    at,
    message: missing ? `There is nothing at ${clipped(path, 300)}.` : problem.message,
    help: missing ? CODES['study-path-missing'].action : problem.action,
  });
  return false;
}

/** What opening base and one task says about how they fit; one finding per code, at the path of the task. */
async function checkTask(
  spec: StudySpec,
  task: TaskSpec,
  places: StudyPlaces,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const range = rangeOfTask(task, places);
  const study = await openStudy({ ...spec, tasks: [task] }, { open: (path) => context.open(path) });
  if (!study.ok) {
    const aboutBase = study.problem.path !== undefined && study.problem.path === spec.base;
    findings.add('study-path-unreadable', {
      range: aboutBase ? places.base : range,
      at: task.name,
      message: study.problem.message,
      help: study.problem.action,
    });
    return;
  }
  const own = study.value.findings.filter(
    ({ severity, code }) => severity !== 'information' && ABOUT_FIT.has(code),
  );
  for (const code of new Set(own.map((finding) => finding.code))) {
    addFit(
      own.filter((finding) => finding.code === code),
      range,
      task,
      findings,
    );
  }
}

/** Findings of the files themselves stand at those files. */
const ABOUT_FIT: ReadonlySet<string> = new Set(MODEL_CODES.map(({ code }) => code));

function addFit(same: readonly Finding[], range: TextRange, task: TaskSpec, findings: FindingList): void {
  const [first] = same;
  if (!first || !isFindingCode(first.code)) return;
  const more = same.length > 1 ? ` ${(same.length - 1).toLocaleString('en-US')} more like this.` : '';
  findings.add(first.code, { range, at: task.name, message: first.message + more, help: first.help });
}

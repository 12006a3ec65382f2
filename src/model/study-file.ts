import { basename, dirname, relative, resolve, sep } from 'node:path';
import { isMap, isSeq, LineCounter, parseDocument, stringify, type Node, type YAMLMap } from 'yaml';
import { isHubAddress } from '../protocol/hub-address';
import { success, type Result } from '../protocol/result';
import type { StudySpec, TaskSpec } from '../protocol/study';
import { refuse, type ModelCode } from './finding-codes';
import { dataEntry, readDataSets, readFisherFiles } from './study-data';
import { isEmpty, textOf } from './yaml-values';

const LARGEST_STUDY = 2 * 1024 * 1024;
const KEYS = ['name', 'base', 'tasks', 'run', 'graph', 'data', 'fisher'];

/**
 * Reads a `*.study.yaml`: `name`, `base`, `tasks` as a map from names to paths or a list of `{ name, path }`, and
 * `run`, the folder of a training run whose checkpoints are tasks, too; `graph`, the ONNX export of the base, and `data`,
 * data sets as a map from names to paths or to maps with `path` and options, or one path; and `fisher`, files of Fisher information in the same way. Paths are relative to the file, whose absolute path is `path`. Fails with `yaml-syntax`, `study-invalid` or
 * `study-task-duplicate`; the message and {@link Problem.at} give line and column, counted from 1.
 */
export function parseStudy(text: string, path: string): Result<StudySpec> {
  if (text.length > LARGEST_STUDY) return refuse('study-invalid', path, `${path} is larger than 2 MB.`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    const [message = 'not valid YAML'] = error.message.split(/ at line |\n/);
    return refuse('yaml-syntax', path, `${path}, ${placeText(line, col)}: ${message}.`, placeText(line, col));
  }
  return new StudyReader(path, lines).read(document.contents);
}

/** Writes a study with paths relative to the file at `path`; {@link parseStudy} reads it back unchanged. */
export function formatStudy(spec: StudySpec, path: string): string {
  const pathText = (target: string) => relative(dirname(path), target).split(sep).join('/') || '.';
  const run = spec.tasks.find((task) => task.run);
  const byName = new Map(
    spec.tasks.filter((task) => task !== run).map((task) => [task.name, pathText(task.path)]),
  );
  return stringify(
    new Map<string, unknown>([
      ['name', spec.name],
      ...(spec.base === undefined ? [] : ([['base', pathText(spec.base)]] as const)),
      ...(run && byName.size === 0 ? [] : ([['tasks', byName]] as const)),
      ...(run ? ([['run', pathText(run.path)]] as const) : []),
      ...(spec.graph === undefined ? [] : ([['graph', pathText(spec.graph)]] as const)),
      ...(spec.data === undefined || spec.data.length === 0
        ? []
        : ([['data', new Map(spec.data.map((set) => [set.name, dataEntry(set, pathText)]))]] as const)),
      ...(spec.fisher === undefined || spec.fisher.length === 0
        ? []
        : ([
            ['fisher', new Map(spec.fisher.map(({ name, path: file }) => [name, pathText(file)]))],
          ] as const)),
    ]),
    { lineWidth: 0 },
  );
}

class StudyReader {
  constructor(
    private readonly path: string,
    private readonly lines: LineCounter,
  ) {}

  read(root: unknown): Result<StudySpec> {
    if (!isMap(root)) return this.refuse(root, 'a study is a map with "base" and "tasks"');
    const unknown = root.items.find(({ key }) => !KEYS.includes(textOf(key) ?? ''));
    if (unknown) {
      return this.refuse(
        unknown.key,
        `unknown key "${textOf(unknown.key) ?? '?'}"; a study has ${KEYS.slice(0, -1).join(', ')} and ${KEYS.at(-1) ?? ''}`,
      );
    }
    const name = this.textAt(root, 'name');
    if (!name.ok) return name;
    const base = this.textAt(root, 'base');
    if (!base.ok) return base;
    const tasks = this.tasks(root);
    if (!tasks.ok) return tasks;
    const run = this.textAt(root, 'run');
    if (!run.ok) return run;
    const graph = this.textAt(root, 'graph');
    if (!graph.ok) return graph;
    const part = {
      absolute: (path: string) => this.absolute(path),
      refuse: (node: unknown, what: string) => this.refuse(node, what),
    };
    const data = readDataSets(root.get('data', true), part);
    if (!data.ok) return data;
    const fisher = readFisherFiles(root.get('fisher', true), part);
    if (!fisher.ok) return fisher;
    if (base.value === null && tasks.value.length === 0 && run.value === null) {
      return this.refuse(root, 'a study needs a base or at least one task');
    }
    return success({
      name: name.value ?? basename(this.path).replace(/\.study\.ya?ml$/i, ''),
      ...(base.value === null ? {} : { base: this.absolute(base.value) }),
      tasks: run.value === null ? tasks.value : [...tasks.value, this.run(run.value, tasks.value)],
      ...(graph.value === null ? {} : { graph: this.absolute(graph.value) }),
      ...(data.value.length === 0 ? {} : { data: data.value }),
      ...(fisher.value.length === 0 ? {} : { fisher: fisher.value }),
      file: this.path,
    });
  }

  private run(path: string, others: readonly TaskSpec[]): TaskSpec {
    const absolute = this.absolute(path);
    const name = basename(absolute);
    const taken = others.some((task) => task.name === name);
    return { name: taken ? `run ${name}` : name, path: absolute, run: true };
  }

  private tasks(root: YAMLMap): Result<readonly TaskSpec[]> {
    const node = root.get('tasks', true) as unknown;
    if (isEmpty(node)) return success([]);
    const named = isMap(node) ? this.fromMap(node) : isSeq(node) ? this.fromList(node.items) : null;
    if (!named)
      return this.refuse(node, '"tasks" must be a map from names to paths, or a list of name and path');
    if (!named.ok) return named;
    const seen = new Set<string>();
    for (const { task, node: at } of named.value) {
      if (seen.has(task.name)) {
        return this.refuse(at, `there are two tasks named "${task.name}"`, 'study-task-duplicate');
      }
      seen.add(task.name);
    }
    return success(named.value.map(({ task }) => task));
  }

  private fromMap(map: YAMLMap): Result<readonly NamedTask[]> {
    const tasks: NamedTask[] = [];
    for (const { key, value } of map.items) {
      const task = this.task(key, key, value);
      if (!task.ok) return task;
      tasks.push(task.value);
    }
    return success(tasks);
  }

  private fromList(items: readonly unknown[]): Result<readonly NamedTask[]> {
    const tasks: NamedTask[] = [];
    for (const item of items) {
      if (!isMap(item)) return this.refuse(item, 'a task of the list must have "name" and "path"');
      const task = this.task(item, item.get('name', true), item.get('path', true));
      if (!task.ok) return task;
      tasks.push(task.value);
    }
    return success(tasks);
  }

  private task(node: unknown, name: unknown, path: unknown): Result<NamedTask> {
    const nameText = textOf(name);
    const pathText = textOf(path);
    if (nameText === null)
      return this.refuse(isEmpty(name) ? node : name, 'a task needs a name, which must be a text');
    if (pathText === null) {
      return this.refuse(isEmpty(path) ? node : path, `the path of the task "${nameText}" must be a text`);
    }
    return success({ task: { name: nameText, path: this.absolute(pathText) }, node });
  }

  private textAt(root: YAMLMap, key: string): Result<string | null> {
    const node = root.get(key, true) as unknown;
    if (isEmpty(node)) return success(null);
    const text = textOf(node);
    return text === null ? this.refuse(node, `"${key}" must be a text`) : success(text);
  }

  private absolute(path: string): string {
    return isHubAddress(path) ? path : resolve(dirname(this.path), path);
  }

  private refuse(node: unknown, what: string, code: ModelCode = 'study-invalid'): Result<never> {
    const start = (node as Partial<Node> | null)?.range?.[0] ?? 0;
    const { line, col } = this.lines.linePos(start);
    const place = placeText(Math.max(line, 1), Math.max(col, 1));
    return refuse(code, this.path, `${this.path}, ${place}: ${what}.`, place);
  }
}

interface NamedTask {
  readonly task: TaskSpec;
  readonly node: unknown;
}

function placeText(line: number, column: number): string {
  return `line ${String(line)}, column ${String(column)}`;
}

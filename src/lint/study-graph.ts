import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { matchData } from '../graph/data/match';
import { openData } from '../graph/data/registry';
import type { ValueInfo } from '../format/onnx/types';
import { openImportance } from '../graph/importance/registry';
import { readModel } from '../format/onnx/read-model';
import { inputsOf } from '../graph/study-samples';
import type { TextRange } from '../protocol/finding';
import type { Problem } from '../protocol/result';
import type { DataSpec, StudySpec } from '../protocol/study';
import { CODES, isFindingCode } from './codes';
import type { FindingList } from './finding-list';
import { clipped } from './wording';

/** Where graph and data sets are written in a study. */
export interface GraphPlaces {
  readonly graph: TextRange;
  dataSet(name: string): TextRange;
  fisher(name: string): TextRange;
}

/** Data files above this are not opened while a study is being written: finding their samples may take reading them. */
const LARGEST_OPENED = 2 ** 28;

/** Whether graph, data and Fisher files are there and can be read, and whether the data feed every input of the graph. */
export async function checkGraph(
  { graph, base, data = [], fisher = [] }: StudySpec,
  places: GraphPlaces,
  signal: AbortSignal,
  findings: FindingList,
): Promise<void> {
  let inputs: readonly ValueInfo[] | null = null;
  if (graph !== undefined) {
    const model = await readModel(graph);
    if (model.ok) inputs = inputsOf(model.value);
    else addProblem(model.problem, graph, places.graph, 'graph', findings);
  }
  // A tokenizer may lie beside the graph, or in the folder of the base.
  const near = [graph, base].flatMap((path) => (path === undefined ? [] : [dirname(path), path]));
  for (const set of data) {
    if (signal.aborted) return;
    await checkData(set, inputs, near, places.dataSet(set.name), findings);
  }
  for (const { name, path } of fisher) {
    if (signal.aborted) return;
    const opened = await openImportance(path);
    if (!opened.ok) addProblem(opened.problem, path, places.fisher(name), name, findings);
  }
}

async function checkData(
  { name, path, options }: DataSpec,
  inputs: readonly ValueInfo[] | null,
  near: readonly string[],
  range: TextRange,
  findings: FindingList,
): Promise<void> {
  const state = await stat(path).catch(() => null);
  if (state !== null && state.size > LARGEST_OPENED) return;
  const data = await openData(path, options, near);
  if (!data.ok) {
    addProblem(data.problem, path, range, name, findings);
    return;
  }
  if (inputs === null) return;
  const match = matchData(data.value, inputs, options);
  if (!match.ok) {
    addProblem(match.problem, path, range, name, findings);
    return;
  }
  for (const { code, message, help } of match.value.findings) {
    if (isFindingCode(code)) findings.add(code, { range, at: name, message, help });
  }
}

function addProblem(
  problem: Problem,
  path: string,
  range: TextRange,
  at: string,
  findings: FindingList,
): void {
  const missing = problem.code === 'file-missing';
  const code = missing
    ? 'study-path-missing'
    : isFindingCode(problem.code)
      ? problem.code
      : 'study-path-unreadable';
  findings.add(code, {
    range,
    at,
    message: missing ? `There is nothing at ${clipped(path, 300)}.` : problem.message,
    help: missing ? CODES['study-path-missing'].action : problem.action,
  });
}

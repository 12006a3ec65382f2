import path from 'node:path';
import { dataFit } from '../../graph/attach/data-fit';
import { formatOf } from '../../graph/data/registry';
import { readModel } from '../../format/onnx/read-model';
import { inputsOf } from '../../graph/study-samples';
import { dataName } from '../../model/study-data';
import type { DataCandidate } from '../../protocol/attachment';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { cancelled, success } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { AnalysisContext } from './context';
import { inParallel } from './in-parallel';
import { nearestFirst } from './nearest-first';
import { walk, type Folder } from './walk';

/** Data files that are opened, the nearest to the study first. */
const MOST_FILES = 300;
/** Those listed that do not fit: enough to see why, not the whole workspace. */
const MOST_UNFIT = 40;
const WIDTH = 4;
const IMAGE = /\.(png|jpe?g)$/i;

/** Finds data sets for the inputs of a graph. Fails as reading the graph does. */
export async function findData(
  { study, graph, roots }: RequestParams<'deltalens/findData'>,
  { signal }: AnalysisContext,
): Promise<RequestResult<'deltalens/findData'>> {
  const model = await readModel(graph);
  if (!model.ok) return model;
  const inputs = inputsOf(model.value);
  const home = path.dirname(study.file ?? graph);
  const { folders } = await walk([...roots, home], signal);
  const files = nearestFirst([...folders.flatMap(dataFilesIn), ...imageFolders(folders)], home);
  // Tokenizer and preprocessor lie beside the graph, or in the folder of the base.
  const near = [graph, study.base].flatMap((file) => (file === undefined ? [] : [path.dirname(file), file]));
  const rated = await inParallel(files.slice(0, MOST_FILES), WIDTH, async (file) =>
    signal.aborted ? null : { path: file, ...(await dataFit(file, inputs, near)) },
  );
  if (signal.aborted) return cancelled();
  const found = rated.filter((each) => each !== null);
  const fitting = found.filter(({ fit }) => fit === 'yes');
  const unknown = found.filter(({ fit }) => fit === 'unknown');
  const unfit = found.filter((each) => each.fit === 'no' && isWorthListing(each.path)).slice(0, MOST_UNFIT);
  return success(named([...fitting, ...unknown, ...unfit], study));
}

function dataFilesIn({ path: folder, files }: Folder): string[] {
  return files.filter((name) => formatOf(name) !== null).map((name) => path.join(folder, name));
}

/** Folders of images, or of folders of images by class: the outermost of each. */
function imageFolders(folders: readonly Folder[]): string[] {
  const own = folders.filter(({ files }) => files.some((name) => IMAGE.test(name))).map((each) => each.path);
  const holders = own.map((folder) => {
    const parent = path.dirname(folder);
    return own.filter((other) => path.dirname(other) === parent).length > 1 ? parent : folder;
  });
  return [...new Set(holders)];
}

/** A checkpoint or a text that fits nothing was never meant as data. */
function isWorthListing(file: string): boolean {
  return !/\.(safetensors|txt)$/i.test(file);
}

/** Each with the name of the task that its own holds, where no other has taken it; proposed as far as it makes sense. */
function named(
  found: readonly Omit<DataCandidate, 'name' | 'proposed'>[],
  { tasks, data = [] }: StudySpec,
): DataCandidate[] {
  const taken = new Set(data.map(({ name }) => name));
  const known = new Map(data.map((set) => [set.path, set.name]));
  return found.map((each, index) => {
    const own = dataName(each.path);
    const words = own.toLowerCase().split(/[^a-z0-9]+/);
    const task = tasks.find(({ name }) => !taken.has(name) && isNamedIn(name, own, words));
    const name = known.get(each.path) ?? task?.name ?? freeName(own, taken);
    taken.add(name);
    const isFirst = index === 0 && data.length === 0;
    return { ...each, name, proposed: each.fit === 'yes' && (isFirst || task !== undefined) };
  });
}

function isNamedIn(task: string, file: string, words: readonly string[]): boolean {
  return task === file || words.includes(task.toLowerCase());
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name} ${String(n)}`;
    if (!taken.has(free)) return free;
  }
}

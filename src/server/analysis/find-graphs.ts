import path from 'node:path';
import { graphFit } from '../../graph/attach/graph-fit';
import { readModel } from '../../format/onnx/read-model';
import type { GraphCandidate } from '../../protocol/attachment';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { cancelled, failure, success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { inParallel } from './in-parallel';
import { nearestFirst } from './nearest-first';
import { walk } from './walk';

/** ONNX files that are opened, the nearest to the study first. */
const MOST_GRAPHS = 60;
const WIDTH = 2;

/** Finds graphs for the base of a study. Fails with `lens-needs-base`, or as opening the base does. */
export async function findGraphs(
  { study, roots }: RequestParams<'deltalens/findGraphs'>,
  { directories, signal }: AnalysisContext,
): Promise<RequestResult<'deltalens/findGraphs'>> {
  if (study.base === undefined) {
    return failure({
      code: 'lens-needs-base',
      message: `The study "${study.name}" has no base, so no graph can be told to be its.`,
      action: 'Name the base in the study ("base:"), or choose it: "Deltalens: Select as Base".',
    });
  }
  const base = await directories.open(study.base);
  if (!base.ok) return base;
  const home = path.dirname(study.file ?? study.base);
  const { folders } = await walk([...roots, home], signal);
  const files = folders.flatMap((folder) =>
    folder.files.filter((name) => /\.onnx$/i.test(name)).map((name) => path.join(folder.path, name)),
  );
  const near = nearestFirst(files, home).slice(0, MOST_GRAPHS);
  const found = await inParallel(near, WIDTH, async (file): Promise<Rated> => {
    const model = await readModel(file);
    if (!model.ok) return { path: file, fit: 'no', reason: model.problem.message, share: 0 };
    return { path: file, ...graphFit(model.value, base.value) };
  });
  if (signal.aborted) return cancelled();
  const ordered = found.toSorted((a, b) => rank(a) - rank(b));
  return success(ordered.map(({ share: _, ...candidate }): GraphCandidate => candidate));
}

interface Rated extends GraphCandidate {
  readonly share: number;
}

/** Those that fit stand first, then by how much of them does. */
function rank({ fit, share }: Rated): number {
  return (fit === 'yes' ? 0 : 2) - share;
}

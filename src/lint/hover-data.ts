import { formatOf, openData } from '../graph/data/registry';
import { readModel } from '../format/onnx/read-model';
import { inputsOf } from '../graph/study-samples';
import type { Result } from '../protocol/result';
import { plain } from './hover-text';

/** Arrays or inputs that are listed. */
const MOST_LINES = 12;

/** What a graph takes, or what arrays a data file has, line by line; `null` for files that are neither by their name. */
export async function describeNetworkFile(path: string): Promise<Result<readonly string[]> | null> {
  if (/\.onnx$/i.test(path)) {
    const model = await readModel(path);
    if (!model.ok) return model;
    const lines = inputsOf(model.value).map(({ name, type, shape }) =>
      lineOf(name, type ?? '?', shape ?? []),
    );
    return { ok: true, value: ['ONNX graph, which takes:', ...shortened(lines)] };
  }
  if (/\.safetensors$/i.test(path) || formatOf(path) === null) return null;
  const data = await openData(path);
  if (!data.ok) return data;
  const { arrays, unreadable, format } = data.value;
  const lines = [
    ...arrays.map(({ name, type, shape }) => lineOf(name, type, shape)),
    ...unreadable.map(({ name, reason }) => `- ${plain(name)}: ${plain(reason)}`),
  ];
  return { ok: true, value: [`Data set (${plain(format)}):`, ...shortened(lines)] };
}

function lineOf(name: string, type: string, shape: readonly (number | string | null)[]): string {
  return `- ${plain(name)}: ${type} ${plain(`[${shape.map((size) => String(size ?? '?')).join(', ')}]`)}`;
}

function shortened(lines: readonly string[]): readonly string[] {
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `- and ${String(more)} more`] : lines;
}

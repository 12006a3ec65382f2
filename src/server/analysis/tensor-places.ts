import path from 'node:path';
import { INDEX_ENDING } from '../../format/safetensors-sharded';
import { stringAt } from '../../lint/hover-text';
import { isNamed } from '../../lint/target-modules';
import { manifestPlaces } from '../../model/manifest/manifest-layout';
import type { RequestParams, RequestResult, TensorPlace } from '../../protocol/requests';
import { cancelled, success } from '../../protocol/result';
import type { AnalysisContext } from './context';
import { viewOf } from './inspect';
import { openDescribed, type Described } from './open-described';

/** A list of more places helps nobody. */
const MOST_PLACES = 500;
/** Checkpoints of the workspace that are looked into. */
const MOST_CHECKPOINTS = 500;
/** How PEFT begins the names of all tensors of an adapter. */
const PEFT_PREFIX = /^base_model\.model\./;

/**
 * Where the tensor of a key of `weight_map`, or the modules of an entry of `target_modules`, have their lines. Empty where
 * nothing of the kind stands there, or the checkpoint cannot be opened: its findings say why.
 */
export async function definition(
  { path: document, line, character }: RequestParams<'deltalens/definition'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/definition'>> {
  const found = stringAt({ path: document, line, lineNumber: 0, character });
  if (!found) return success([]);
  const { here, key } = found;
  const isIndex = document.endsWith(INDEX_ENDING) && here.isKey;
  // Entries of a list stand on lines of their own, where no key tells whose they are.
  const isTarget =
    path.basename(document) === 'adapter_config.json' &&
    !here.isKey &&
    (key === null || key === 'target_modules');
  if (!isIndex && !isTarget) return success([]);
  const opened = await openDescribed(document, context);
  if (!opened.ok) return success([]);
  const wanted = isIndex
    ? [here.value]
    : tensorsOfModules(opened.value, (module) => isNamed(module, here.value));
  return success(await placesOf(opened.value, wanted));
}

/** Wherever else in the workspace a tensor of this name is, the asked checkpoint first. */
export async function references(
  { path: asked, tensor }: RequestParams<'deltalens/references'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/references'>> {
  const name = tensor.replace(PEFT_PREFIX, '');
  const module = name
    .replace(/\.(?:lora_[AB](?:\.[^.]+)?\.)?(?:weight|bias)$/, '')
    .replace(/\.lora_[AB]$/, '');
  const names = new Set([tensor, name, `base_model.model.${name}`, `${module}.weight`]);
  const places: TensorPlace[] = [];
  const files = [...new Set([asked, ...context.known])].slice(0, MOST_CHECKPOINTS);
  for (const file of files) {
    if (context.signal.aborted) return cancelled();
    if (places.length >= MOST_PLACES) break;
    const opened = await openDescribed(file, context);
    if (!opened.ok) continue;
    const { checkpoint } = opened.value;
    const equal = checkpoint.tensors.flatMap((entry) => (names.has(entry.name) ? [entry.name] : []));
    const changing = tensorsOfModules(opened.value, (each) => each === module);
    places.push(...(await placesOf(opened.value, [...equal, ...changing])));
  }
  return success(places.slice(0, MOST_PLACES));
}

/** The names of an adapter's tensors for the modules that `includes` names. */
function tensorsOfModules({ adapter }: Described, includes: (module: string) => boolean): readonly string[] {
  const targets = (adapter?.targets ?? []).filter((target) => includes(target.module));
  return targets.flatMap(({ tensors }) => tensors.map((entry) => entry.name));
}

async function placesOf(described: Described, wanted: readonly string[]): Promise<readonly TensorPlace[]> {
  if (wanted.length === 0) return [];
  const { checkpoint } = described;
  const [file, ...more] = checkpoint.files;
  // A configuration leads to the file that holds the tensors; an index is what its checkpoint is called by.
  const shown =
    file && more.length === 0 && !checkpoint.path.endsWith(INDEX_ENDING) ? file.path : checkpoint.path;
  const places = manifestPlaces(await viewOf(described, null, null), new Set(wanted));
  return [...places.values()].slice(0, MOST_PLACES).map((range) => ({ path: shown, range }));
}

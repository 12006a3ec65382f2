import type { Node } from 'jsonc-parser';
import type { ModuleFactors } from './adapter-factors';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import { nearestName } from './spelling';
import { isNamed, readTargetModules, type TargetModules } from './target-modules';
import { clipped, counted, named } from './wording';

type Factors = ReadonlyMap<string, ModuleFactors>;

/**
 * Checks `target_modules` against the modules that have tensors and, where the base is known, against the modules it
 * has (`baseModules`; else `null`).
 */
export function checkTargets(
  document: JsonDocument,
  factors: Factors | null,
  baseModules: readonly string[] | null,
  findings: FindingList,
): void {
  const targets = readTargetModules(document);
  const listsParameters = Array.isArray(document.value('target_parameters'));
  const missing = document.value('target_modules') === undefined || targets.listed?.length === 0;
  if (missing) {
    if (!listsParameters) addMissing(document, factors, findings);
    return;
  }
  if (factors && factors.size > 0 && !listsParameters) checkUntargeted(document, targets, factors, findings);
  checkNames(document, targets, factors, baseModules, findings);
}

function addMissing(document: JsonDocument, factors: Factors | null, findings: FindingList): void {
  const names = factors ? shortNames([...factors.keys()]) : [];
  const fix = document.setting(
    `List the ${counted(names.length, 'module')} that have tensors`,
    'target_modules',
    names,
  );
  findings.add('target-modules-missing', {
    range: document.placeOf('target_modules'),
    at: 'target_modules',
    message: document.entry('target_modules')
      ? 'target_modules names no module.'
      : 'target_modules is missing; PEFT then guesses from the model type.',
    help:
      names.length > 0
        ? `The adapter has tensors for ${named(names, 8)}.`
        : 'List the modules that were trained.',
    ...(names.length > 0 ? { fixes: [fix] } : {}),
  });
}

/** Last parts of module names, once each, in the order of the file. A number alone says nothing, so it keeps its parent. */
function shortNames(modules: readonly string[]): readonly string[] {
  return [...new Set(modules.map((module) => /[^.]+(?:\.\d+)*$/.exec(module)?.[0] ?? module))];
}

function checkUntargeted(
  document: JsonDocument,
  targets: TargetModules,
  factors: Factors,
  findings: FindingList,
) {
  const modules = [...factors.keys()].filter((module) => targets.includes(module) === false);
  const [first] = modules;
  if (first === undefined) return;
  const { listed } = targets;
  const unnamed = modules.filter((module) => listed && !listed.some((name) => isNamed(module, name)));
  // Adding names helps only where nothing else keeps the modules out.
  const names = unnamed.length === modules.length ? shortNames(unnamed) : [];
  const verb = modules.length === 1 ? 'has' : 'have';
  findings.add('tensor-not-targeted', {
    range: document.placeOf('target_modules'),
    at: first,
    message:
      `${counted(modules.length, 'module')} ${verb} tensors but ${modules.length === 1 ? 'is' : 'are'} not targeted, ` +
      `so PEFT drops them: ${named(modules)}.`,
    help:
      names.length > 0
        ? `Add ${named(names, 8)}.`
        : 'Check target_modules, exclude_modules, modules_to_save and layers_to_transform.',
    ...(names.length > 0 && listed
      ? { fixes: [document.setting(`Add ${named(names, 4)}`, 'target_modules', [...listed, ...names])] }
      : {}),
  });
}

function checkNames(
  document: JsonDocument,
  targets: TargetModules,
  factors: Factors | null,
  baseModules: readonly string[] | null,
  findings: FindingList,
): void {
  const node = document.entry('target_modules')?.node;
  if (!node) return;
  const stored = factors ? [...factors.keys()] : [];
  const items = node.type === 'array' ? (node.children ?? []) : targets.expression === null ? [] : [node];
  for (const item of items) {
    const name = String(item.value);
    const isThere = (module: string) =>
      node.type === 'array' ? isNamed(module, name) : targets.includes(module) !== false;
    if (item.type !== 'string' || stored.some(isThere)) continue;
    if (baseModules && !baseModules.some(isThere)) addNotInBase(document, item, name, baseModules, findings);
    else if (stored.length > 0) addUnused(document, item, name, findings);
  }
}

function addNotInBase(
  document: JsonDocument,
  item: Node,
  name: string,
  baseModules: readonly string[],
  findings: FindingList,
): void {
  const range = document.rangeOf(item);
  const meant = nearestName(name, new Set(shortNames(baseModules)));
  findings.add('target-module-not-in-base', {
    range,
    at: name,
    message: `The base has no module "${clipped(name)}"${meant === null ? '' : `; "${clipped(meant)}" is meant, most likely`}.`,
    help:
      meant === null ? 'Correct the name, or remove it.' : `Write "${clipped(meant)}", or remove the name.`,
    ...(meant === null
      ? {}
      : {
          fixes: [
            {
              title: `Change to "${clipped(meant)}"`,
              edits: [{ path: document.path, range, newText: JSON.stringify(meant) }],
            },
          ],
        }),
  });
}

function addUnused(document: JsonDocument, item: Node, name: string, findings: FindingList): void {
  findings.add('target-module-unused', {
    range: document.rangeOf(item),
    at: name,
    message: `No tensor of the adapter is for "${clipped(name)}".`,
    help: 'Remove the name, or check that the adapter was saved completely.',
  });
}

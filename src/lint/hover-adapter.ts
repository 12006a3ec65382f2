import * as fs from 'node:fs/promises';
import { findAdapterBase, readAdapterConfig, scaleOf, type AdapterConfig } from '../model/adapter';
import { factorsOf } from './adapter-factors';
import type { Hover, HoverPlace } from './hover';
import { bytesText, hoverOn, plain, stringAt } from './hover-text';
import { LORA_FIELDS } from './peft-fields';
import type { LintContext } from './rule';
import { isNamed, readTargetModules } from './target-modules';
import { FindingList } from './finding-list';
import { readJsonDocument } from './json-document';
import { counted } from './wording';

const LARGEST_CONFIG = 2_000_000;

/** What a key means, what it comes to in this adapter, and how many modules a name in a list stands for. */
export async function hoverAdapter(place: HoverPlace, context: LintContext): Promise<Hover | null> {
  const found = stringAt(place);
  if (!found) return null;
  const { here, key } = found;
  const text = await readConfig(place.path);
  if (!here.isKey && (key === null || key === 'target_modules')) {
    const modules = await moduleCount(place.path, (module) => isNamed(module, here.value), context);
    if (modules === null || (modules === 0 && key === null)) return null;
    return hoverOn(place, here, [
      `**${plain(here.value)}**: ${counted(modules, 'module')} with tensors in this adapter.`,
    ]);
  }
  const field = key !== null && Object.hasOwn(LORA_FIELDS, key) ? LORA_FIELDS[key] : undefined;
  if (key === null || !field) return null;
  const config = text === null ? null : readAdapterConfig(text, place.path);
  const detail = text !== null && config?.ok ? await detailOf(key, text, config.value, context) : null;
  return hoverOn(place, here, [`**${plain(key)}**`, plainSentence(field.meaning), detail]);
}

/** Our own texts hold no markup, but signs that Markdown might take for it. */
function plainSentence(text: string): string {
  return text.replace(/[_*\\<]/g, '\\$&');
}

async function readConfig(path: string): Promise<string | null> {
  try {
    const { size } = await fs.stat(path);
    return size > LARGEST_CONFIG ? null : await fs.readFile(path, 'utf8');
  } catch {
    return null;
  }
}

async function detailOf(
  key: string,
  text: string,
  config: AdapterConfig,
  context: LintContext,
): Promise<string | null> {
  switch (key) {
    case 'r':
    case 'lora_alpha':
    case 'use_rslora':
    case 'rank_pattern':
    case 'alpha_pattern':
      return config.peftType === 'LORA' ? scaleText(config) : null;
    case 'target_modules': {
      const document = readJsonDocument(config.path, text, new FindingList(config.path));
      if (!document) return null;
      const targets = readTargetModules(document);
      const modules = await moduleCount(config.path, (module) => targets.includes(module) !== false, context);
      return modules === null
        ? null
        : `Stands for ${counted(modules, 'module')} with tensors in this adapter.`;
    }
    case 'base_model_name_or_path':
      return baseText(config, context);
    default:
      return null;
  }
}

function scaleText(config: AdapterConfig): string {
  const { rank, alpha, scale } = scaleOf(config, '');
  const formula = config.rsLora ? `${alpha} / √${rank}` : `${alpha} / ${rank}`;
  const exceptions = config.rankPattern.length + config.alphaPattern.length;
  const patterns =
    exceptions > 0
      ? `, except for what ${counted(exceptions, 'pattern entry').replace('entrys', 'entries')} name`
      : '';
  return `Effective scale s = ${formula} = **${plain(String(Number(scale.toPrecision(6))))}**${patterns}.`;
}

async function moduleCount(
  path: string,
  includes: (module: string) => boolean,
  context: LintContext,
): Promise<number | null> {
  const opened = await context.open(path);
  if (!opened.ok) return null;
  return [...factorsOf(opened.value.tensors).keys()].filter(includes).length;
}

async function baseText(config: AdapterConfig, context: LintContext): Promise<string | null> {
  const found = await findAdapterBase({ config, tensors: [] }, context.roots, []);
  if (!found) return 'Not found in this workspace.';
  const opened = await context.open(found.path);
  if (!opened.ok) return `${plain(found.path)} cannot be opened: ${plain(opened.problem.message)}`;
  const { tensors, container } = opened.value;
  const bytes = tensors.reduce((sum, { span }) => sum + span.bytes, 0);
  return `${plain(found.path)}: ${container}, ${counted(tensors.length, 'tensor')}, ${bytesText(bytes)}.`;
}

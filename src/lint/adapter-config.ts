import { basename } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { readAdapterConfig, type AdapterConfig } from '../model/adapter';
import { readPattern } from '../model/pattern';
import { openBase } from './adapter-base';
import { checkBaseConfig } from './adapter-base-config';
import { factorsOf } from './adapter-factors';
import { checkFields, isRightType } from './adapter-fields';
import { checkKind } from './adapter-kind';
import { checkFit, modulesOf } from './adapter-fit';
import { checkSaved } from './adapter-saved';
import { checkStrength } from './adapter-strength';
import { checkTargets } from './adapter-targets';
import { checkTensors } from './adapter-tensors';
import { checkDuplicates, checkPickledTwin } from './adapter-twins';
import { checkValues } from './adapter-values';
import { FindingList } from './finding-list';
import { readJsonDocument, type JsonDocument } from './json-document';
import type { LintContext, LintRule } from './rule';

/** A PEFT adapter's configuration, against its own rules, the tensors beside it and the base it names. */
export const adapterConfigRule: LintRule = {
  id: 'adapter-config',
  appliesTo: (path) => basename(path) === 'adapter_config.json',
  async check(path, text, context) {
    const findings = new FindingList(path);
    const document = text === null ? null : readJsonDocument(path, text, findings);
    if (!document || checkKind(document, findings) !== 'lora') return findings.all();
    checkFields(document, findings);
    const config = readLeniently(document);
    const adapter = await openTensors(document, context, findings);
    const factors = adapter ? factorsOf(adapter.tensors) : null;
    if (factors) checkTensors(document, config, factors, findings);
    const base = config
      ? await openBase(document, { config, tensors: adapter?.tensors ?? [] }, context, findings)
      : null;
    if (base) await checkBaseConfig(document, base, findings);
    checkTargets(document, factors, base ? modulesOf(base) : null, findings);
    if (factors && base) checkFit(document, factors, base, findings);
    if (factors) await checkValues(document, factors, context, findings);
    if (adapter) {
      await checkSaved(document, adapter.tensors, base, findings);
      await checkPickledTwin(document, adapter, context, findings);
    }
    if (factors && config) {
      await checkStrength(document, config, factors, base, context, findings);
      await checkDuplicates(document, config, factors, context, findings);
    }
    return findings.all();
  },
};

/**
 * What the configuration says, read as the rest of Deltalens reads it. Fields of the wrong type count as absent, since
 * they already have their finding; `null` where nothing sure can be said about ranks.
 */
function readLeniently(document: JsonDocument): AdapterConfig | null {
  for (const key of ['r', 'rank_pattern', 'alpha_pattern']) {
    const entry = document.entry(key);
    if (entry && !isRightType(document, entry)) return null;
    const patterns = entry ? document.entriesOf(entry.node) : [];
    if (patterns.some((pattern) => readPattern(pattern.key).kind !== 'pattern')) return null;
  }
  const right = document.entries.filter((entry) => isRightType(document, entry));
  const fields = { ...Object.fromEntries(right.map(({ key, value }) => [key, value])), peft_type: 'LORA' };
  const config = readAdapterConfig(JSON.stringify(fields), document.path);
  return config.ok ? config.value : null;
}

async function openTensors(
  document: JsonDocument,
  context: LintContext,
  findings: FindingList,
): Promise<Checkpoint | null> {
  const { path } = document;
  const range = document.placeOf('peft_type');
  const opened = await context.open(path);
  if (opened.ok) return opened.value;
  const { problem } = opened;
  if (problem.code !== 'adapter-weights-missing') {
    findings.add('adapter-weights-unreadable', {
      range,
      message: `The weights beside this configuration cannot be opened: ${problem.message}`,
      help: problem.action,
    });
    return null;
  }
  findings.add('adapter-weights-missing', {
    range,
    message: 'There is no adapter_model.safetensors beside this configuration.',
    help: 'Put the weights of the adapter into the same folder.',
  });
  return null;
}

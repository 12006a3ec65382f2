import { replacement, type FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import { PEFT_TYPES } from './peft-fields';
import { nearestName } from './spelling';
import { clipped } from './wording';

/** What kind of configuration this is, as far as the checks that follow are concerned. */
export type AdapterKind = 'lora' | 'other';

/** Checks `peft_type`, and whether this is a configuration of PEFT at all. */
export function checkKind(document: JsonDocument, findings: FindingList): AdapterKind {
  const foreign = foreignWriter(document);
  if (foreign !== null) {
    findings.add('adapter-config-foreign', {
      range: document.opening,
      message: `This is a configuration of ${foreign}, not of PEFT; it is not checked.`,
      help: 'Its tensors are analysed all the same; convert it to PEFT layout to have the configuration checked, too.',
    });
    return 'other';
  }
  const written = document.value('peft_type');
  if (typeof written !== 'string') {
    addKindMissing(document, written, findings);
    return document.entry('r') || document.entry('lora_alpha') ? 'lora' : 'other';
  }
  if (written === 'LORA') return 'lora';
  if (PEFT_TYPES.includes(written)) return addNotAnalysed(document, written, findings);
  const meant = PEFT_TYPES.find((type) => type === written.toUpperCase()) ?? nearestName(written, PEFT_TYPES);
  if (meant === null) return addNotAnalysed(document, written, findings);
  const range = document.placeOf('peft_type');
  findings.add('peft-type-misspelt', {
    range,
    at: 'peft_type',
    message: `PEFT has no kind of adapter called "${clipped(written)}"; "${meant}" is meant, most likely.`,
    help: `Write "${meant}".`,
    fixes: [replacement(`Change to "${meant}"`, document.path, range, JSON.stringify(meant))],
  });
  return meant === 'LORA' ? 'lora' : 'other';
}

function foreignWriter(document: JsonDocument): string | null {
  if (document.entry('peft_type')) return null;
  if (document.entry('fine_tune_type') || document.entry('lora_parameters')) return 'MLX';
  const isHub = document.entry('config')?.node.type === 'object';
  return isHub && (document.entry('model_class') || document.entry('model_type')) ? 'AdapterHub' : null;
}

function addKindMissing(document: JsonDocument, written: unknown, findings: FindingList): void {
  const looksLikeLora = document.entry('r') !== undefined && document.entry('lora_alpha') !== undefined;
  findings.add('peft-type-missing', {
    range: document.placeOf('peft_type'),
    at: 'peft_type',
    message: written === undefined ? 'peft_type is missing.' : 'peft_type must be a string.',
    help: 'Write "peft_type": "LORA", or the kind that the adapter has.',
    ...(looksLikeLora ? { fixes: [document.setting('Set peft_type to "LORA"', 'peft_type', 'LORA')] } : {}),
  });
}

function addNotAnalysed(document: JsonDocument, kind: string, findings: FindingList): AdapterKind {
  findings.add('peft-type-not-analysed', {
    range: document.placeOf('peft_type'),
    at: 'peft_type',
    message: `Configurations of adapters of kind "${clipped(kind)}" are not checked further yet.`,
    help: 'The tensors are read all the same.',
  });
  return 'other';
}

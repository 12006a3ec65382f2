import type { TensorEntry } from '../format/checkpoint';
import type { PassItem } from '../tensor/pass';
import type { ModuleFactors } from './adapter-factors';
import type { FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import type { LintContext } from './rule';
import { counted, named } from './wording';

/** Looks for modules in which one factor is all zero: B·A is zero there. Reads the factors, which are small. */
export async function checkValues(
  document: JsonDocument,
  factors: ReadonlyMap<string, ModuleFactors>,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const modules = [...factors.values()].filter(({ a, b }) => a && b);
  const tensors = modules.flatMap(({ a, b }) => (a && b ? [b, a] : []));
  const bytes = tensors.reduce((sum, { span }) => sum + span.bytes, 0);
  // A learnt magnitude (DoRA) changes the weight even where B·A is zero.
  const dora = modules.some(({ magnitude }) => magnitude);
  if (modules.length === 0 || dora || bytes > context.scanLimit || context.signal.aborted) return;
  const zero = await zeroTensors(tensors, context);
  if (!zero) return;
  const dead = modules.filter(({ a, b }) => (b && zero.has(b)) || (a && zero.has(a)));
  if (dead.length === 0) return;
  const factor = dead.every(({ b }) => b && zero.has(b)) ? 'lora_B' : 'lora_A or lora_B';
  const all = dead.length === factors.size;
  const names = dead.map(({ module }) => module);
  findings.add(all ? 'lora-b-zero' : 'lora-b-partly-zero', {
    range: document.placeOf('peft_type'),
    at: names[0] ?? '',
    message: all
      ? `${factor} is zero in all ${counted(factors.size, 'module')}: this adapter does nothing.`
      : `${factor} is zero in ${counted(dead.length, 'module')} of ${factors.size}: ${named(names, 5)}.`,
    help: all
      ? 'Check that the trained adapter was saved, and that lora_B received gradients.'
      : 'If that was not intended, check which modules were frozen or never used in training.',
  });
}

async function zeroTensors(
  tensors: readonly TensorEntry[],
  context: LintContext,
): Promise<ReadonlySet<TensorEntry> | null> {
  const items = tensors.map(({ span }): PassItem => ({ kind: 'moments', span }));
  const outcomes = await context.passes.run(items, { signal: context.signal });
  if (!outcomes.ok) return null;
  return new Set(
    tensors.filter((_, index) => {
      const outcome = outcomes.value[index];
      return outcome?.kind === 'moments' && outcome.count > 0 && outcome.zeros === outcome.count;
    }),
  );
}

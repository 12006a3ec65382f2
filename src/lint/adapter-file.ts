import { openAdapter } from '../model/open-adapter';
import { FindingList } from './finding-list';
import type { LintRule } from './rule';

/**
 * The tensors of an adapter by themselves: what kind it is where it changes no weight, modules that are refused, a scale that
 * nothing says. A LoRA of PEFT is checked with its configuration instead (`adapter-config`).
 */
export const adapterFileRule: LintRule = {
  id: 'adapter-file',
  appliesTo: (path) => path.endsWith('.safetensors'),
  async check(path, _text, context) {
    const findings = new FindingList(path);
    const opened = await context.open(path);
    // Other rules say why a file or its configuration cannot be read.
    const adapter = opened.ok ? await openAdapter(opened.value) : null;
    if (!adapter?.ok || !adapter.value || adapter.value.config?.peftType === 'LORA') return [];
    for (const finding of adapter.value.findings) findings.addFinished({ ...finding, path });
    return findings.all();
  },
};

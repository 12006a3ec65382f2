import { scaleOf, type AdapterConfig } from '../model/adapter-config';
import { storedRank, type ModuleFactors } from './adapter-factors';
import { replacement, type FindingList } from './finding-list';
import type { JsonDocument } from './json-document';
import { clipped, counted, named, shapeText } from './wording';

type Factors = ReadonlyMap<string, ModuleFactors>;

/** Checks that factors come in pairs, have the configured ranks, and are of the declared kind. */
export function checkTensors(
  document: JsonDocument,
  config: AdapterConfig | null,
  factors: Factors,
  findings: FindingList,
): void {
  if (factors.size === 0) {
    findings.add('adapter-without-lora', {
      range: document.placeOf('peft_type'),
      message: 'No tensor beside this configuration is a LoRA factor (lora_A, lora_B).',
      help: 'Check that the weights belong to this configuration.',
    });
    return;
  }
  checkPairs(document, factors, findings);
  checkMagnitudes(document, factors, findings);
  if (config) {
    checkRanks(document, config, factors, findings);
    checkPatternUse(document, config, factors, findings);
  }
}

function checkPairs(document: JsonDocument, factors: Factors, findings: FindingList): void {
  const all = [...factors.values()];
  const report = (modules: readonly ModuleFactors[], there: string, missing: string) => {
    const [first] = modules;
    if (!first) return;
    const names = modules.map(({ module }) => module);
    findings.add('lora-factor-missing', {
      range: document.placeOf('target_modules'),
      at: first.module,
      message: `${counted(modules.length, 'module')} with ${there} but without ${missing}: ${named(names)}.`,
      help: 'Save the adapter again; both factors of every module are needed.',
    });
  };
  report(
    all.filter(({ a, b }) => a && !b),
    'lora_A',
    'lora_B',
  );
  report(
    all.filter(({ a, b }) => b && !a),
    'lora_B',
    'lora_A',
  );
  for (const { module, a, b } of all) {
    if (!a || !b || a.span.shape[0] === b.span.shape[1]) continue;
    findings.add('lora-factors-disagree', () => ({
      range: document.placeOf('r'),
      at: module,
      message:
        `${clipped(module)}: lora_A is ${shapeText(a.span.shape)} and lora_B is ${shapeText(b.span.shape)}; ` +
        'their ranks differ, so they have no product.',
      help: 'Save the adapter again; one of the two factors comes from another training run.',
    }));
  }
}

function checkMagnitudes(document: JsonDocument, factors: Factors, findings: FindingList): void {
  const all = [...factors.values()];
  const without = all
    .filter(({ magnitude, embedding }) => !magnitude && !embedding)
    .map(({ module }) => module);
  const declared = document.value('use_dora') === true;
  const stored = all.filter(({ magnitude }) => magnitude).length;
  if (declared && without.length > 0) {
    findings.add('dora-magnitude-missing', {
      range: document.placeOf('use_dora'),
      at: 'use_dora',
      message: `use_dora is true, but ${counted(without.length, 'module')} of ${all.length} have no lora_magnitude_vector: ${named(without)}.`,
      help: 'Set use_dora to false if it was plain LoRA; otherwise save the adapter again.',
    });
  }
  if (declared || stored === 0) return;
  findings.add('dora-not-declared', {
    range: document.placeOf('use_dora'),
    at: 'use_dora',
    message: `${counted(stored, 'module')} of ${all.length} have a lora_magnitude_vector: this is DoRA, but use_dora is not true.`,
    help: 'Set use_dora to true.',
    fixes: [document.setting('Set use_dora to true', 'use_dora', true)],
  });
}

function checkRanks(
  document: JsonDocument,
  config: AdapterConfig,
  factors: Factors,
  findings: FindingList,
): void {
  const plain: ModuleFactors[] = [];
  const byPattern = new Map<string, ModuleFactors[]>();
  for (const module of factors.values()) {
    if (storedRank(module) === null) continue;
    const entry = config.rankPattern.find((candidate) => candidate.matches(module.module));
    if (!entry) plain.push(module);
    else byPattern.set(entry.pattern, [...(byPattern.get(entry.pattern) ?? []), module]);
  }
  addRankMismatch(document, config, plain, findings);
  const patterns = document.entry('rank_pattern');
  if (!patterns) return;
  for (const entry of document.entriesOf(patterns.node)) {
    const modules = byPattern.get(entry.key) ?? [];
    const wrong = modules.filter((module) => storedRank(module) !== scaleOf(config, module.module).rank);
    if (wrong.length === 0) continue;
    const rank = commonRank(modules);
    findings.add('rank-pattern-mismatch', {
      range: entry.valueRange,
      at: `rank_pattern.${entry.key}`,
      message: `rank_pattern says ${String(entry.value)} for "${clipped(entry.key)}", but ${rankText(wrong)}.`,
      help: rank === null ? 'Give the modules entries of their own.' : `Set it to ${rank}.`,
      ...(rank === null
        ? {}
        : { fixes: [replacement(`Change to ${rank}`, document.path, entry.valueRange, String(rank))] }),
    });
  }
}

function addRankMismatch(
  document: JsonDocument,
  config: AdapterConfig,
  modules: readonly ModuleFactors[],
  findings: FindingList,
): void {
  const wrong = modules.filter((module) => storedRank(module) !== config.rank);
  if (wrong.length === 0) return;
  const rank = commonRank(modules);
  const written = document.entry('r') ? `r is ${config.rank}` : `r is missing, so it is ${config.rank}`;
  findings.add('rank-mismatch', {
    range: document.placeOf('r'),
    at: 'r',
    message: `${written}, but ${rankText(wrong)}.`,
    help: rank === null ? 'State the exceptions in rank_pattern.' : `Set r to ${rank}.`,
    ...(rank === null ? {} : { fixes: [document.setting(`Set r to ${rank}`, 'r', rank)] }),
  });
}

/** The rank that all modules have, or `null`. */
function commonRank(modules: readonly ModuleFactors[]): number | null {
  const ranks = new Set(modules.map(storedRank));
  return ranks.size === 1 ? ([...ranks][0] ?? null) : null;
}

/** `the tensors have rank 8 (28 modules)`, per rank. */
function rankText(modules: readonly ModuleFactors[]): string {
  const counts = new Map<number, number>();
  for (const module of modules) {
    const rank = storedRank(module) ?? 0;
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  const parts = [...counts].map(([rank, count]) => `rank ${rank} (${counted(count, 'module')})`);
  return `the tensors have ${parts.slice(0, 4).join(' and ')}`;
}

function checkPatternUse(
  document: JsonDocument,
  config: AdapterConfig,
  factors: Factors,
  findings: FindingList,
): void {
  for (const key of ['rank_pattern', 'alpha_pattern'] as const) {
    const node = document.entry(key)?.node;
    const patterns = key === 'rank_pattern' ? config.rankPattern : config.alphaPattern;
    for (const entry of node ? document.entriesOf(node) : []) {
      const pattern = patterns.find((candidate) => candidate.pattern === entry.key);
      if (!pattern || [...factors.keys()].some((module) => pattern.matches(module))) continue;
      findings.add('module-pattern-unused', {
        range: entry.keyRange,
        at: `${key}.${entry.key}`,
        message: `"${clipped(entry.key)}" in ${key} is the name of no module of the adapter, so it has no effect.`,
        help: 'Correct the module name, or remove the entry.',
      });
    }
  }
}

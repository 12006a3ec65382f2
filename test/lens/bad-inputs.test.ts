// What every lens makes of inputs that do not fit: a problem that names what is wrong and what to do, or a result with a finding.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { before, test } from 'node:test';
import type { Lens } from '../../src/lens/lens';
import { LENSES } from '../../src/lens/registry';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import type { Finding } from '../../src/protocol/finding';
import { checkParameters } from '../../src/protocol/lens';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { seeded } from '../tensor/oracle';
import { slowPasses } from './slow-passes';

const HIDDEN = 8;
const LAYERS = 2;
const QUERY = 'model.layers.0.self_attn.q_proj.weight';
const KEY = 'model.layers.0.self_attn.k_proj.weight';
const EXPERT = 'model.layers.0.block_sparse_moe.experts.1.w1.weight';
const EMBEDDING = 'model.embed_tokens.weight';

/** A small mixture of experts with attention and a vocabulary, so that every lens has something to look at. */
function mixture(seed: number, hidden = HIDDEN): Record<string, Written> {
  const random = seeded(seed);
  const matrix = (rows: number, columns: number): Written => ({
    shape: [rows, columns],
    values: Array.from({ length: rows * columns }, () => random() - 0.5),
  });
  const tensors: Record<string, Written> = {
    [EMBEDDING]: matrix(12, hidden),
    'lm_head.weight': matrix(12, hidden),
  };
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.layers.${String(layer)}`;
    for (const part of 'qkvo') tensors[`${at}.self_attn.${part}_proj.weight`] = matrix(hidden, hidden);
    tensors[`${at}.input_layernorm.weight`] = { shape: [hidden], values: [1] };
    tensors[`${at}.block_sparse_moe.gate.weight`] = matrix(3, hidden);
    for (let expert = 0; expert < 3; expert++) {
      const own = `${at}.block_sparse_moe.experts.${String(expert)}`;
      for (const part of ['w1', 'w3']) tensors[`${own}.${part}.weight`] = matrix(6, hidden);
      tensors[`${own}.w2.weight`] = matrix(hidden, 6);
    }
  }
  return tensors;
}

/** The same with a NaN in a tensor that each lens reads. */
function broken(tensors: Record<string, Written>): Record<string, Written> {
  const spoilt = [QUERY, KEY, EXPERT, EMBEDDING].map((name) => {
    const { shape = [], values = [] } = tensors[name] ?? {};
    return [name, { shape, values: values.map((value, at) => (at === 1 ? NaN : value)) }] as const;
  });
  return { ...tensors, ...Object.fromEntries(spoilt) };
}

const folder = temporaryFolder();
before(() => {
  const write = (name: string, tensors: Record<string, Written>, config: boolean) => {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), tensors);
    const fields = { model_type: 'mixtral', hidden_size: HIDDEN, num_hidden_layers: LAYERS, num_attention_heads: 2, num_key_value_heads: 2 };
    if (config) fs.writeFileSync(path.join(folder, name, 'config.json'), JSON.stringify(fields));
  };
  const task = mixture(2);
  write('base', mixture(1), true);
  write('a', task, true);
  write('b', mixture(3), true);
  write('broken', broken(mixture(4)), true);
  write('foreign', { 'x.weight': { shape: [4, 4], values: [1, 2, 3] } }, true);
  write('wide', mixture(5, 12), true);
  write('reshaped', { ...mixture(6), [QUERY]: { shape: [3, 5], values: [1] }, [KEY]: { shape: [3, 5], values: [1] }, [EXPERT]: { shape: [3, 5], values: [1] }, [EMBEDDING]: { shape: [13, HIDDEN], values: [1] } }, true);
  write('silent base', mixture(1), false);
  write('silent a', task, false);
  write('silent b', mixture(3), false);
}); // prettier-ignore

const WEIGHTS = LENSES.filter(({ description }) =>
  description.needs.data.every((data) => data === 'weights'),
);
const NOT_IN_FINE_TUNES = ['adapter', 'prompt', 'mixture', 'memory', 'hypernetwork'] as const;
/** Lenses about adapters, and about what only some networks have, have nothing to look at in plain fine-tunes. */
const [ADAPTERS, ALL] = [true, false].map((about) =>
  WEIGHTS.filter(({ description: { needs } }) => {
    return NOT_IN_FINE_TUNES.some((part) => needs.parts?.includes(part)) === about;
  }),
) as [Lens[], Lens[]];
const HEADS = ['head-composition', 'head-rank', 'head-sharing', 'kv-redundancy'];
/** Lenses over whole models, one by one: they show the base whatever the tasks are. */
const SINGLE = ['summary', 'memory-budget', 'experts', 'nestedness', ...HEADS];

/** What becomes of a study: the code of the problem, or a code that must be among the findings (`null`: none is needed). */
type Expected = { readonly problem: string } | { readonly finding: string | null };

interface Case {
  readonly title: string;
  readonly base?: string;
  readonly tasks: readonly string[];
  expected(lens: Lens['description']): Expected;
}

const ok = { finding: null };
const CASES: readonly Case[] = [
  {
    title: 'base and tasks without a common tensor',
    base: 'base',
    tasks: ['foreign', 'wide'],
    expected: ({ id }) =>
      SINGLE.includes(id) ? { finding: 'study-task-does-not-fit' } : { problem: 'no-task-vector' },
  },
  {
    title: 'a task that fits nowhere beside two that do',
    base: 'base',
    tasks: ['a', 'b', 'foreign'],
    expected: () => ({ finding: 'study-task-does-not-fit' }),
  },
  {
    title: 'some tensors of another shape',
    base: 'base',
    tasks: ['a', 'reshaped'],
    expected: () => ({ finding: 'task-tensor-shape' }),
  },
  {
    title: 'models without a config.json',
    base: 'silent base',
    tasks: ['silent a', 'silent b'],
    expected: ({ id }) => (HEADS.includes(id) ? { problem: 'head-split-unknown' } : ok),
  },
  {
    title: 'one task',
    base: 'base',
    tasks: ['a'],
    expected: ({ needs }) => (needs.tasks.minimum > 1 ? { problem: 'lens-needs-tasks' } : ok),
  },
  {
    title: 'no task',
    base: 'base',
    tasks: [],
    expected: ({ id }) => (SINGLE.includes(id) ? ok : { problem: 'lens-needs-tasks' }),
  },
  {
    title: 'no base',
    tasks: ['a', 'b'],
    expected: ({ id }) => (SINGLE.includes(id) ? ok : { problem: 'lens-needs-base' }),
  },
  {
    title: 'NaN in a task',
    base: 'base',
    tasks: ['a', 'b', 'broken'],
    expected: ({ id }) => ({ finding: codeOfNan(id) }),
  },
  {
    title: 'NaN in the task that is left when there is no other',
    base: 'base',
    tasks: ['broken'],
    expected: ({ id, needs }) =>
      needs.tasks.minimum > 1 ? { problem: 'lens-needs-tasks' } : { finding: codeOfNan(id) },
  },
  {
    title: 'NaN in the base',
    base: 'broken',
    tasks: ['a', 'b'],
    expected: ({ id }) => ({ finding: codeOfNan(id) }),
  },
];

function codeOfNan(lens: string): string | null {
  // It reads no values.
  if (lens === 'memory-budget') return null;
  if (lens === 'summary') return 'tensor-nan';
  if (HEADS.includes(lens)) return 'attention-left-out';
  return ['spectrum', 'subspace-alignment', 'twin'].includes(lens)
    ? 'matrix-not-finite'
    : 'task-tensor-not-finite';
}

async function open({ title, base, tasks }: Case): Promise<Study> {
  const at = (name: string) => path.join(folder, name);
  const opened = await openStudy({
    name: title,
    ...(base === undefined ? {} : { base: at(base) }),
    tasks: tasks.map((name) => ({ name, path: at(name) })),
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return opened.value;
}

const NO_ADAPTER: Case = {
  title: 'fine-tunes alone',
  base: 'base',
  tasks: ['a', 'b'],
  expected: () => ({ problem: 'no-task-vector' }),
};

for (const each of [...CASES, NO_ADAPTER]) {
  for (const lens of each === NO_ADAPTER ? ADAPTERS : ALL) {
    const { id, parameters } = lens.description;
    test(`${each.title}: ${id} says what is wrong, and gives what there is`, async () => {
      const study = await open(each);
      const defaults = checkParameters(parameters, {});
      assert.ok(defaults.ok);
      const output = await lens.run(study, defaults.value, {
        passes: slowPasses(),
        signal: new AbortController().signal,
        memoryBudget: 2 ** 24,
        progress: () => undefined,
        log: () => undefined,
      });
      const expected = each.expected(lens.description);
      if ('problem' in expected) {
        assert.ok(!output.ok, 'it is refused');
        assert.equal(output.problem.code, expected.problem);
        assert.ok(output.problem.message.length > 20 && output.problem.action.length > 10);
        return;
      }
      assert.ok(output.ok, output.ok ? '' : output.problem.message);
      assert.ok(output.value.artifacts.some(({ kind }) => kind === 'table'));
      const findings = [...study.findings, ...output.value.findings];
      if (expected.finding === null) assert.deepEqual(findings, []);
      else checkFinding(findings, expected.finding);
    });
  }
}

/** A finding names its file and, where it is about a tensor, the tensor. */
function checkFinding(findings: readonly Finding[], code: string): void {
  const found = findings.find((finding) => finding.code === code);
  assert.ok(found, `${code} is among ${findings.map((finding) => finding.code).join(', ')}`);
  assert.ok(path.isAbsolute(found.path) && (found.help ?? '') !== '');
}

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { zipFile } from '../graph/data/files';
import { temporaryFolder } from './files';
import { floats, torchLegacyFile, torchZipFile, type Plain } from './torch-files';

const REAL = paths.resolve(__dirname, '../../../shared/realdata/DLR-RM+rl-trained-agents');
const withReal = fs.existsSync(REAL) ? {} : { skip: 'the collection of real files is not here' };

function one(name: string): Plain {
  return { dict: [[name, { key: '0', storage: 'FloatStorage', elements: 2, shape: [2], stride: [1] }]] };
}

test('the policy in an agent is read in place, whichever version of torch wrote it; optimizers are left out', async () => {
  const path = paths.join(temporaryFolder(), 'agent.zip');
  const policies = [
    torchZipFile(one('actor.mu'), { 0: floats(1, 2) }),
    torchLegacyFile(one('actor.mu'), [{ key: '0', elements: 2, bytes: floats(1, 2) }]),
  ];
  for (const policy of policies) {
    fs.writeFileSync(
      path,
      zipFile([
        { name: 'data', content: Buffer.from('{"gamma": 0.5, "policy_class": {}}') },
        { name: 'pytorch_variables.pth', content: torchZipFile(one('log_ent_coef'), { 0: floats(3, 4) }) },
        { name: 'policy.pth', content: policy },
        { name: 'policy.optimizer.pth', content: policy },
        { name: '_stable_baselines3_version', content: Buffer.from('2.0.0\n') },
      ]),
    );
    const opened = await openCheckpoint(path);
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    const values: Record<string, number[]> = {};
    for (const { name, span } of opened.value.tensors) {
      const bytes = await readSpan(span);
      assert.ok(bytes.ok);
      values[name] = [...decode(span.dtype, bytes.value, span.count)];
    }
    assert.deepEqual(values, { 'actor.mu': [1, 2], 'variables.log_ent_coef': [3, 4] });
    assert.deepEqual(opened.value.metadata, { stable_baselines3: '2.0.0', gamma: '0.5' });
    assert.deepEqual(
      opened.value.findings.map(({ code }) => code),
      ['tensors-left-out'],
    );
  }
});

test('agents that others trained open, those of the first versions, too', withReal, async () => {
  const agents = fs
    .readdirSync(REAL, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.zip'));
  assert.ok(agents.length >= 3);
  for (const name of agents) {
    const opened = await openCheckpoint(paths.join(REAL, name));
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.container, 'Stable-Baselines3');
    assert.ok(opened.value.tensors.length >= 12, name);
  }
});

import { Buffer } from 'node:buffer';
import { pickle, torchLegacyFile, torchZipFile, type Plain } from '../format/torch-files';
import { zipFile } from '../graph/data/files';
import { openFiles } from './expectations';
import { STORAGES } from './torch-seeds';
import type { FuzzTarget } from './target';

const POLICY: Plain = {
  dict: [['actor.mu', { key: '0', storage: 'FloatStorage', elements: 6, shape: [2, 3], stride: [3, 1] }]],
};

function agent(policy: Buffer, variables: Buffer): Buffer {
  return zipFile([
    { name: 'data', content: Buffer.from('{"gamma": 0.5, "policy_class": {}, "note": "n"}') },
    { name: 'pytorch_variables.pth', content: variables },
    { name: 'policy.pth', content: policy },
    { name: 'policy.optimizer.pth', content: pickle({ dict: [] }) },
    { name: '_stable_baselines3_version', content: Buffer.from('2.0.0\n') },
  ]);
}

/** An agent: an archive that holds files of torch of both kinds, settings and a version. */
export const stableBaselines: FuzzTarget = {
  name: 'stable-baselines',
  modules: /format\/(?:stable-baselines|whole-zip|zip-\w+|torch-(?:zip|legacy|checkpoint))\.ts$/,
  seeds: () => {
    const whole = torchZipFile(POLICY, STORAGES);
    const legacy = torchLegacyFile(POLICY, [
      { key: '0', elements: 6, bytes: STORAGES[0] ?? Buffer.alloc(24) },
    ]);
    return [agent(whole, legacy), agent(legacy, whole)];
  },
  run: (bytes) => openFiles('agent.zip', { 'agent.zip': bytes }),
};

import { failure, success, type Result } from '../../protocol/result';
import type { ConvertAction } from '../../protocol/write';
import { wrongUse, type Arguments } from '../arguments';
import type { Command } from '../command';
import { onlyPath, runWrite, SHARD_OPTION, shardBytes, WRITE_OPTIONS } from '../write-command';

export const convert: Command = {
  name: 'convert',
  usage: [
    'PATH -o OUT [--metadata keep|strip] [--tied once|each] [--dequantise] [--shard-size GB] [--dry-run] [--json]',
  ],
  summary:
    'write a checkpoint of any readable container as safetensors, values unchanged; nothing in it is executed',
  options: [
    { name: 'metadata', value: 'WHAT', help: 'keep (unless given), or strip: leave out all but the format' },
    {
      name: 'tied',
      value: 'HOW',
      help: 'tensors that share their values: once (unless given) or each by itself',
    },
    {
      name: 'dequantise',
      help: 'write quantised weights (GPTQ, AWQ, bitsandbytes, FP8 with scales, ...) as float32 values',
    },
    SHARD_OPTION,
    ...WRITE_OPTIONS,
  ],
  async run(given, session) {
    const action = actionOf(given);
    return action.ok ? runWrite(action.value, given, session) : session.fail(action.problem);
  },
};

function actionOf(given: Arguments): Result<ConvertAction> {
  const path = onlyPath(given, 'convert');
  if (!path.ok) return path;
  const mostShardBytes = shardBytes(given);
  if (!mostShardBytes.ok) return mostShardBytes;
  const metadata = given.text('metadata') ?? 'keep';
  if (metadata !== 'keep' && metadata !== 'strip')
    return failure(wrongUse(`There is no --metadata ${metadata}.`, 'Give keep or strip.'));
  const tied = given.text('tied') ?? 'once';
  if (tied !== 'once' && tied !== 'each')
    return failure(wrongUse(`There is no --tied ${tied}.`, 'Give once or each.'));
  return success({
    kind: 'convert',
    path: path.value,
    metadata,
    tied,
    dequantise: given.has('dequantise'),
    mostShardBytes: mostShardBytes.value,
  });
}

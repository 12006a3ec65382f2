import { failure, success, type Result } from '../../protocol/result';
import type { BakeAction } from '../../protocol/write';
import { wrongUse, type Arguments } from '../arguments';
import type { Command } from '../command';
import { onlyPath, pathOption, runWrite, SHARD_OPTION, shardBytes, WRITE_OPTIONS } from '../write-command';

export const bake: Command = {
  name: 'bake',
  usage: ['--base PATH ADAPTER -o OUT [--weight W] [--shard-size GB] [--dry-run] [--json]'],
  summary: 'add an adapter to its base, in the base’s element type, and check range, NaN and rounding',
  options: [
    { name: 'base', value: 'PATH', help: 'the checkpoint that the adapter was trained on' },
    { name: 'weight', value: 'W', help: 'factor on the change (1 unless given)' },
    SHARD_OPTION,
    ...WRITE_OPTIONS,
  ],
  async run(given, session) {
    const action = actionOf(given);
    return action.ok ? runWrite(action.value, given, session) : session.fail(action.problem);
  },
};

function actionOf(given: Arguments): Result<BakeAction> {
  const adapter = onlyPath(given, 'bake');
  if (!adapter.ok) return adapter;
  const base = pathOption(given, 'base');
  if (base === null) return failure(wrongUse('The base is missing.', 'Name it with --base.'));
  const weight = Number(given.text('weight') ?? '1');
  if (!Number.isFinite(weight)) return failure(wrongUse('--weight takes a number.', 'Give one such as 0.7.'));
  const mostShardBytes = shardBytes(given);
  if (!mostShardBytes.ok) return mostShardBytes;
  return success({
    kind: 'bake',
    base,
    adapter: adapter.value,
    weight,
    mostShardBytes: mostShardBytes.value,
  });
}

import * as assert from 'node:assert/strict';
import type { CancellationToken } from 'vscode';
import { CardRuns, type RunListener } from '../../src/extension/panels/card-runs';
import type { LensResult } from '../../src/protocol/artifact';
import type { ToResultPanel } from '../../src/protocol/panel';
import { cancelled, success, type Result } from '../../src/protocol/result';
import type { RunSpec } from '../../src/protocol/study';

type Told = Extract<ToResultPanel, { type: 'progress' | 'partial' | 'result' | 'failed' }>;

interface AtWork {
  readonly run: RunSpec;
  readonly listener: RunListener;
  readonly token: CancellationToken;
  readonly answer: (result: Result<LensResult>) => void;
}

function run(lens: string, parameters: RunSpec['parameters'] = {}): RunSpec {
  return { lens, parameters, study: { name: 's', base: '/base', tasks: [] } };
}

function resultOf({ lens, parameters }: RunSpec): LensResult {
  const nothing = { artifacts: [], findings: [], inputs: [], elapsedMs: 0, bytesRead: 0 };
  return { lens, version: 1, study: 's', parameters, ...nothing };
}

/** Runs of cards whose work ends when the test says so. */
function runsOf(): { runs: CardRuns; atWork: AtWork[]; told: Told[] } {
  const atWork: AtWork[] = [];
  const told: Told[] = [];
  const runs = new CardRuns(
    (spec, listener, token) =>
      new Promise((answer) => {
        const work = { run: spec, listener, token, answer };
        token.onCancellationRequested(() => answer(cancelled()));
        atWork.push(work);
      }),
    (outcome) => told.push(outcome),
  );
  return { runs, atWork, told };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('runs of cards', () => {
  it('are at work two at a time, and a cancelled one that waits never starts', async () => {
    const { runs, atWork, told } = runsOf();
    for (const card of ['a', 'b', 'c', 'd']) runs.start(card, run(card), false);
    assert.deepEqual(
      atWork.map(({ run: { lens } }) => lens),
      ['a', 'b'],
    );
    runs.cancel('c');
    const last = told.at(-1);
    assert.ok(last?.type === 'failed' && last.card === 'c' && last.problem.code === 'cancelled');
    atWork[0]?.answer(success(resultOf(run('a'))));
    await settled();
    assert.deepEqual(
      atWork.map(({ run: { lens } }) => lens),
      ['a', 'b', 'd'],
    );
    runs.dispose();
    assert.ok(atWork.slice(1).every(({ token }) => token.isCancellationRequested));
  });

  it('are told again where the same is asked for, and done again on demand', async () => {
    const { runs, atWork, told } = runsOf();
    runs.start('a', run('a'), false);
    atWork[0]?.answer(success(resultOf(run('a'))));
    await settled();
    runs.start('a', run('a'), false);
    assert.equal(told.at(-1)?.type, 'result');
    assert.equal(atWork.length, 1);
    runs.start('a', run('a'), true);
    assert.equal(atWork.length, 2);
    runs.dispose();
  });

  it('leave the result before them in place when they are cancelled', async () => {
    const { runs, atWork, told } = runsOf();
    runs.start('a', run('a'), false);
    atWork[0]?.answer(success(resultOf(run('a'))));
    await settled();
    runs.start('a', run('a', { bins: 2 }), true);
    runs.cancel('a');
    await settled();
    const last = told.at(-1);
    assert.ok(last?.type === 'failed' && last.problem.code === 'cancelled');
    runs.start('a', run('a'), false);
    assert.equal(told.at(-1)?.type, 'result');
    assert.equal(atWork.length, 2);
    runs.dispose();
  });

  it('keep what they had when they are stopped, and tell it to a page that is made anew', async () => {
    const { runs, atWork, told } = runsOf();
    runs.start('a', run('a'), false);
    const some = { ...resultOf(run('a')), partial: '3 of 9 samples' };
    atWork[0]?.listener.partial(some);
    assert.deepEqual(told.at(-1), { type: 'partial', card: 'a', result: some });
    runs.start('a', run('a'), false);
    assert.deepEqual(
      told.slice(-2).map(({ type }) => type),
      ['partial', 'progress'],
    );
    runs.cancel('a');
    await settled();
    assert.deepEqual(told.at(-1), { type: 'result', card: 'a', result: some });
    runs.dispose();
  });

  it('of a card that is removed tell nothing any more', async () => {
    const { runs, atWork, told } = runsOf();
    runs.start('a', run('a'), false);
    const before = told.length;
    runs.forget('a');
    await settled();
    assert.ok(atWork[0]?.token.isCancellationRequested);
    assert.equal(told.length, before);
    runs.dispose();
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OrderedOutput } from '../scripts/ordered-output.mjs';
import { runSteps } from '../scripts/test-lanes.mjs';

interface Started {
  readonly name: string;
  readonly print: (text: string) => void;
  readonly end: (code: number) => Promise<void>;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function step(name: string, stages: readonly (readonly string[])[], alone = false) {
  const commands = stages.map((stage) => stage.map((word) => ({ words: [word] })));
  return { name, title: `Title of ${name}`, needs: [], stages: () => commands, alone };
}

/** Runs steps whose commands end when the test says so. */
function start(steps: ReturnType<typeof step>[], { lanes = 2, bail = false } = {}) {
  const at = new Map<string, Started>();
  const shown: string[] = [];
  const outcomes = runSteps(steps, {
    lanes,
    bail,
    show: (text: string) => shown.push(text),
    run: ({ words }: { words: readonly string[] }, print: (text: string) => void) =>
      new Promise<number>((resolve) => {
        const [name = ''] = words;
        const end = (code: number) => {
          at.delete(name);
          resolve(code);
          return settled().then(() => undefined);
        };
        at.set(name, { name, print, end });
      }),
  });
  const running = () => [...at.keys()];
  const command = (name: string) => {
    const found = at.get(name);
    assert.ok(found, `${name} runs; running: ${running().join(', ')}`);
    return found;
  };
  return { outcomes, running, command, text: () => shown.join('') };
}

test('as many commands run as there are lanes, those of later steps too, stages one after the other', async () => {
  const { outcomes, running, command } = start([
    step('a', [['a1'], ['a2']]),
    step('b', [['b1', 'b2', 'b3']]),
  ]);
  assert.deepEqual(running(), ['a1', 'b1']);
  await command('b1').end(0);
  assert.deepEqual(running(), ['a1', 'b2']);
  await command('a1').end(0);
  assert.deepEqual(running(), ['b2', 'a2']);
  for (const name of ['b2', 'b3', 'a2']) await command(name).end(0);
  assert.deepEqual(
    (await outcomes).map(({ step: { name }, ok, counts }) => [name, ok, counts.passed]),
    [
      ['a', true, 2],
      ['b', true, 3],
    ],
  );
});

test('a step that is alone waits for all before it, and all after it wait for its last stage', async () => {
  const steps = [step('a', [['a1', 'a2']]), step('b', [['b1'], ['b2', 'b3']], true), step('c', [['c1']])];
  const { outcomes, running, command } = start(steps);
  await command('a1').end(0);
  assert.deepEqual(running(), ['a2']);
  await command('a2').end(0);
  assert.deepEqual(running(), ['b1']);
  await command('b1').end(0);
  assert.deepEqual(running(), ['b2', 'b3']);
  await command('b2').end(0);
  assert.deepEqual(running(), ['b3']);
  await command('b3').end(0);
  assert.deepEqual(running(), ['c1']);
  await command('c1').end(0);
  assert.equal((await outcomes).length, 3);
});

test('output stands in the order of the steps, and that of the first shows as it comes', async () => {
  const { outcomes, command, text } = start([step('a', [['a1']]), step('b', [['b1']])]);
  command('b1').print('of b\n');
  command('a1').print('of a\n');
  assert.match(text(), /Title of a.*\nof a\n$/);
  await command('b1').end(0);
  assert.doesNotMatch(text(), /of b/);
  await command('a1').end(0);
  assert.match(text(), /of a\n━━ a: ok.*\n\n.*Title of b.*\nof b\n━━ b: ok.*\n$/);
  await outcomes;
});

test('counts are added up; a command that fails fails its step, and the stages after it do not run', async () => {
  const { outcomes, running, command } = start([step('a', [['a1', 'a2'], ['a3']]), step('b', [['b1']])]);
  command('a1').print('3 passed, 1 failed, 2 skipped\n');
  await command('a1').end(1);
  command('a2').print('4 passed, 0 failed\n');
  await command('a2').end(0);
  assert.deepEqual(running(), ['b1']);
  await command('b1').end(7);
  const found = await outcomes;
  assert.deepEqual(
    found.map(({ ok, counts }) => [ok, counts]),
    [
      [false, { passed: 7, failed: 1, skipped: 2 }],
      [false, { passed: 0, failed: 1, skipped: 0 }],
    ],
  );
});

test('a summary that tells of failures fails the step even where the exit code does not', async () => {
  const { outcomes, command } = start([step('a', [['a1']])]);
  command('a1').print('3 passed, 1 failed\n');
  await command('a1').end(0);
  assert.equal((await outcomes)[0]?.ok, false);
});

test('with bail nothing starts after a failure, and what runs is waited for', async () => {
  const steps = [step('a', [['a1']]), step('b', [['b1', 'b2']]), step('c', [['c1']])];
  const { outcomes, running, command } = start(steps, { bail: true });
  await command('a1').end(1);
  assert.deepEqual(running(), ['b1']);
  await command('b1').end(0);
  assert.deepEqual(running(), []);
  assert.deepEqual(
    (await outcomes).map(({ step: { name } }) => name),
    ['a'],
  );
});

test('a place that is opened before another one is shown before it, however late', () => {
  const shown: string[] = [];
  const output = new OrderedOutput((text: string) => shown.push(text));
  const [first, last] = [output.open(), output.open()];
  last.close('last');
  first.write('first ');
  const between = output.open(last);
  first.close();
  assert.equal(shown.join(''), 'first ');
  between.close('between ');
  assert.equal(shown.join(''), 'first between last');
});

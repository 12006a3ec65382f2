import * as fs from 'node:fs';
import * as path from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';

/**
 * Entry of the suite inside the extension host. A served extension host has no terminal, so with DELTALENS_TEST_LOG the
 * report goes to that file. DELTALENS_TEST_GREP picks tests, DELTALENS_TEST_FILES files by name.
 */
export async function run(): Promise<void> {
  const log = process.env.DELTALENS_TEST_LOG;
  const print = (line: string) => (log ? fs.appendFileSync(log, `${line}\n`) : console.log(line));
  Mocha.reporters.Base.consoleLog = (...words: unknown[]) => print(format(...words));
  const grep = process.env.DELTALENS_TEST_GREP;
  const files = process.env.DELTALENS_TEST_FILES?.split(',');
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 60_000,
    slow: 10_000,
    color: false,
    forbidOnly: true,
    ...(grep ? { grep } : {}),
  });
  for (const file of fs.readdirSync(__dirname).sort()) {
    const wanted = !files || files.includes(file.replace('.test.js', ''));
    if (wanted && file.endsWith('.test.js')) mocha.addFile(path.join(__dirname, file));
  }
  const { passed, failed, skipped } = await count(mocha);
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (failed > 0) throw new Error(`${failed} tests failed`);
}

function count(mocha: Mocha): Promise<{ passed: number; failed: number; skipped: number }> {
  return new Promise((resolve) => {
    const runner = mocha.run(() => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      resolve({ passed: passes, failed: failures, skipped: pending });
    });
  });
}

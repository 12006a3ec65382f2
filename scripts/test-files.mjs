// Runs test files one after the other in this process: `node --import tsx scripts/test-files.mjs FILE ...`. Node's own
// runner starts a process for each, and most of that process's time goes into loading the same modules again.
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe } from 'node:test';

const require = createRequire(import.meta.url);
for (const file of process.argv.slice(2)) describe(file, () => require(path.resolve(file)));

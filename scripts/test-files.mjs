// Runs test files one after the other in this process: `node --import tsx scripts/test-files.mjs FILE ...`. Node's own
// runner starts a process for each, and most of that process's time goes into loading the same modules again.
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, describe } from 'node:test';

const require = createRequire(import.meta.url);
/** What files share (a window of VS Code) ends when the last of them is done. @type {(() => Promise<void>)[]} */
const endings = [];
process.on('share-until-the-end', (/** @type {() => Promise<void>} */ end) => void endings.push(end));
after(async () => void (await Promise.all(endings.map((end) => end()))));
for (const file of process.argv.slice(2)) describe(file, () => require(path.resolve(file)));

// Loaded before the command line: writes the process's peak resident memory (KiB) where the environment says. Not a module of ES:
// loading one starts a thread first, which takes as long as the command line itself.
const fs = require('node:fs');
const process = require('node:process');
process.on('exit', () =>
  fs.writeFileSync(process.env.PEAK_MEMORY_FILE, String(process.resourceUsage().maxRSS)),
);

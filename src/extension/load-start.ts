/** Imported first by `main.ts`, so that the time of loading the bundle counts as activation time too. */
export const loadStarted = performance.now();

/** Processor time of the extension host until then. */
export const processorAtStart = process.cpuUsage();

/** Imported first by `main.ts`, so that the time of loading the bundle counts as activation time too. */
export const loadStarted = performance.now();

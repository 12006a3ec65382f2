// Reads how many tests passed, failed and were skipped from what test runners print.

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/**
 * Adds up the closing lines in the output of one command: node:test's summary, mocha's summary, or the plain
 * `N passed, N failed, N skipped`. `null` where there is none.
 * @param {string} output
 * @returns {Counts | null}
 */
export function readCounts(output) {
  const text = output.replace(COLOUR, '');
  return nodeCounts(text) ?? plainCounts(text) ?? mochaCounts(text);
}

/** @param {string} text */
function nodeCounts(text) {
  /** @param {string} word */
  const number = (word) => last(text, new RegExp(`^[#ℹ] ${word} (\\d+)$`, 'gm'));
  const passed = number('pass');
  if (passed === undefined) return null;
  return {
    passed,
    failed: (number('fail') ?? 0) + (number('cancelled') ?? 0),
    skipped: (number('skipped') ?? 0) + (number('todo') ?? 0),
  };
}

/** @param {string} text */
function plainCounts(text) {
  const found = [...text.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  if (!found) return null;
  return { passed: Number(found[1]), failed: Number(found[2]), skipped: Number(found[3] ?? 0) };
}

/** @param {string} text */
function mochaCounts(text) {
  const passed = last(text, /^ {2}(\d+) passing\b/gm);
  if (passed === undefined) return null;
  return {
    passed,
    failed: last(text, /^ {2}(\d+) failing$/gm) ?? 0,
    skipped: last(text, /^ {2}(\d+) pending$/gm) ?? 0,
  };
}

/** @param {string} text @param {RegExp} pattern */
function last(text, pattern) {
  const found = [...text.matchAll(pattern)].at(-1);
  return found && Number(found[1]);
}

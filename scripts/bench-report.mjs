// docs/bench.md: a section a row of `npm run bench`, in the order of the rows.

/** @typedef {{ title: string, text: string }} Section */

/** The sections of a report. @param {string} report @returns {Section[]} */
export function sectionsOf(report) {
  return report
    .split(/^(?=## )/m)
    .filter((part) => part.startsWith('## '))
    .map((text) => ({ title: text.slice(3, text.indexOf('\n')).trim(), text: `${text.trimEnd()}\n` }));
}

/**
 * Sections that were measured now in the place of those of the same title; new ones come after the section that stands before them
 * among the measured ones, the first ones at the end.
 * @param {readonly Section[]} known @param {readonly Section[]} measured @returns {Section[]}
 */
export function mergeSections(known, measured) {
  const all = [...known];
  measured.forEach((section, index) => {
    const at = all.findIndex(({ title }) => title === section.title);
    if (at >= 0) {
      all[at] = section;
      return;
    }
    const before = measured[index - 1]?.title;
    const place = all.findIndex(({ title }) => title === before);
    all.splice(place < 0 ? all.length : place + 1, 0, section);
  });
  return all;
}

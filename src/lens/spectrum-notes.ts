import type { Note } from '../protocol/artifact';
import type { Spectrum } from './spectra';
import { layerRanks, type LayerRank } from './spectrum-tables';
import { namesText, wholeText } from './wording';

const RUNS_SHOWN = 8;
const LIMITS =
  'Limits: energy is not accuracy: a direction of little energy may still matter. Check a smaller rank on validation data before relying on it.';

/** What rank to train or keep, per task and layer, and which ranks are dead. */
export function rankAdvice(names: readonly string[], spectra: readonly Spectrum[]): Note {
  const lines = names.map((name, of) => {
    const own = spectra.filter((each) => each.of === of);
    const changed = own.filter(({ rank95 }) => rank95 !== null);
    if (own.length === 0) return `${name}: has no matrix to speak of.`;
    if (changed.length === 0) return `${name}: every matrix is zero${untrained(own)}.`;
    return `${name}: ${adviceFor(own)}`;
  });
  return {
    kind: 'note',
    id: 'suggested-ranks',
    title: 'Which rank is enough',
    severity: 'information',
    role: 'recommendation',
    text: [...lines, LIMITS].join('\n'),
  };
}

function adviceFor(spectra: readonly Spectrum[]): string {
  const layers = layerRanks(spectra);
  const needed = Math.max(...layers.map(({ suggested }) => suggested ?? 0));
  const factored = spectra.filter(({ nominalRank }) => nominalRank !== null);
  const allotted = Math.max(0, ...factored.map(({ nominalRank }) => nominalRank ?? 0));
  const verdict =
    factored.length === 0
      ? `rank ${wholeText(needed)} keeps 95 % of the energy of every matrix${factorSize(spectra)}.`
      : needed < allotted
        ? `rank ${wholeText(needed)} keeps 95 % of the energy of every matrix, ${wholeText(allotted)} is allotted: a smaller r, or a rank_pattern by layer, would do.`
        : `all of the allotted rank ${wholeText(allotted)} is needed for 95 % of the energy somewhere: a larger r may still gain.`;
  return `${verdict} By layer: ${runsText(layers)}.${otherRanks(layers, factored)}${deadText(factored)}`;
}

/** What other shares of the energy, and the random-matrix edge, would keep of an adapter. */
function otherRanks(layers: readonly LayerRank[], factored: readonly Spectrum[]): string {
  if (factored.length === 0) return '';
  const largest = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0));
  const [low, high] = [
    largest(layers.map(({ rank90 }) => rank90)),
    largest(layers.map(({ rank99 }) => rank99)),
  ];
  const energy = ` For 90 % rank ${wholeText(low)} is enough everywhere, for 99 % rank ${wholeText(high)}.`;
  const edges = layers.flatMap(({ edge }) => edge ?? []);
  const edge =
    edges.length === 0
      ? ''
      : ` At most ${wholeText(Math.max(...edges))} ranks of a matrix stand out from what random factors would give.`;
  const redundant = factored.reduce((sum, { redundantRanks }) => sum + (redundantRanks ?? 0), 0);
  const spare =
    redundant === 0
      ? ''
      : ` ${wholeText(redundant)} living ranks are redundant: in each matrix they hold less than 1 % of the energy together.`;
  return `${energy}${edge}${spare}`;
}

/** How much smaller factors of that rank are than the matrices. */
function factorSize(spectra: readonly Spectrum[]): string {
  let dense = 0;
  let factored = 0;
  for (const { rows, columns, rank95 } of spectra) {
    dense += rows * columns;
    factored += Math.min((rank95 ?? 0) * (rows + columns), rows * columns);
  }
  const share = dense > 0 ? factored / dense : 1;
  return share < 1
    ? `; as factors, each with its own rank for 95 %, they take ${(100 * share).toFixed(0)} % of the size`
    : '';
}

/** Neighbouring layers that need the same rank together. */
function runsText(layers: readonly LayerRank[]): string {
  const runs: { first: string; last: string; rank: number | null }[] = [];
  for (const { label, suggested } of layers) {
    const run = runs.at(-1);
    if (run && run.rank === suggested) run.last = label;
    else runs.push({ first: label, last: label, rank: suggested });
  }
  const texts = runs.map(({ first, last, rank }) => {
    const where = first === last ? first : `${first} to ${last}`;
    return `${where} ${rank === null ? 'nothing' : String(rank)}`;
  });
  const more = texts.length - RUNS_SHOWN;
  return more > 0
    ? `${texts.slice(0, RUNS_SHOWN).join(', ')} and so on (the table of layers has all)`
    : texts.join(', ');
}

function deadText(factored: readonly Spectrum[]): string {
  const dead = factored.filter(({ deadRanks }) => (deadRanks ?? 0) > 0);
  if (factored.length === 0) return '';
  if (dead.length === 0) return ' No rank is dead.';
  const count = dead.reduce((sum, { deadRanks }) => sum + (deadRanks ?? 0), 0);
  const all = factored.reduce((sum, { nominalRank }) => sum + (nominalRank ?? 0), 0);
  const shown = dead.map(
    ({ tensor, deadRanks, nominalRank }) =>
      `${tensor} (${wholeText(deadRanks ?? 0)} of ${wholeText(nominalRank ?? 0)})`,
  );
  return ` ${wholeText(count)} of ${wholeText(all)} allotted ranks are dead and can be cut without any loss: ${namesText(shown)}.`;
}

function untrained(spectra: readonly Spectrum[]): string {
  return spectra.some(({ nominalRank }) => nominalRank !== null)
    ? ': an adapter whose B is still zero was never trained'
    : '';
}

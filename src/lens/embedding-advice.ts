import type { Note } from '../protocol/artifact';
import { CURVE_STEPS, type EmbeddingFigures } from './embedding-figures';
import { countText, percent, shortNumber, wholeText } from './wording';

/** Rows that moved are stored apart where they are at most this share of all. */
const FEW = 1 / 4;
/** A tenth of the rows with more of ‖τ‖² than this was learned anew. */
const STEEP = 0.5;
/** Below this share of kept neighbours a row has come to stand elsewhere. */
const ELSEWHERE = 0.5;
/** New rows this many times shorter or longer than the old ones were hardly trained, or started elsewhere. */
const OUT_OF_LINE = 2;
const PAIRS_SHOWN = 12;

/** What to store, keep and check of each embedding and head, with the reason and the limits. */
export function embeddingAdvice(all: readonly EmbeddingFigures[]): Note {
  const lines = all.slice(0, PAIRS_SHOWN).map((figures) => {
    const { task, base } = figures.drift.pair;
    const parts = [movedText(figures), ...neighbourText(figures), ...newText(figures)];
    return `${task}: ${base.name}: ${parts.join('. ')}.`;
  });
  if (all.length > PAIRS_SHOWN) {
    lines.push(`The table "tensors" has ${wholeText(all.length - PAIRS_SHOWN)} more.`);
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'What to store of the vocabulary, and what to check',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: how far a row moves tells of the training, not of quality. Rows of rare tokens hardly move whatever the task needs, weight decay moves all of them, and a tied head moves with the embedding. Measure before rows are left out.',
    ].join('\n'),
  };
}

function movedText({ moved, odd, curve, drift: { pair } }: EmbeddingFigures): string {
  const rows = countText(pair.common, 'row');
  if (moved === 0) {
    return odd > 0
      ? 'no row with finite entries moved: repair the others first'
      : 'bit-identical to the base in all common rows: do not store it again';
  }
  if (moved <= FEW * pair.common) {
    return `only ${wholeText(moved)} of ${rows} moved: store or merge these alone, since the others are bit-identical`;
  }
  const tenth = curve[CURVE_STEPS / 10] ?? null;
  const much = moved === pair.common ? `all ${rows} moved` : `${wholeText(moved)} of ${rows} moved`;
  if (tenth === null) return `${much}: store it whole`;
  return tenth > STEEP
    ? `${much}, but a tenth of them holds ${percent(tenth)} of ‖τ‖²: try storing or merging the rows of the table "rows" alone`
    : `${much} about alike (a tenth of them holds ${percent(tenth)} of ‖τ‖²): store it whole, and look for weight decay or a rescaling if tokens that never occurred moved, too`;
}

/** Whether the rows that moved most came to stand among other rows. */
function neighbourText({ neighbours }: EmbeddingFigures): string[] {
  const shares = neighbours.filter(({ picked }) => picked === 'moved').flatMap(({ kept }) => kept ?? []);
  if (shares.length === 0) return [];
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const rows = `The ${countText(shares.length, 'row')} that moved most`;
  return [
    mean < ELSEWHERE
      ? `${rows} kept ${percent(mean)} of their nearest rows: these tokens mean something else now, so do not average them with those of other tasks`
      : `${rows} kept ${percent(mean)} of their nearest rows, so their neighbourhoods moved along and averaging does little harm`,
  ];
}

/** Rows of a larger vocabulary that look untrained. */
function newText({ meanNorm, drift: { newNorm, pair } }: EmbeddingFigures): string[] {
  if (newNorm === null || meanNorm === null || meanNorm === 0) return [];
  const ratio = newNorm / meanNorm;
  const count = pair.taskRows - pair.baseRows;
  if (ratio * OUT_OF_LINE >= 1 && ratio <= OUT_OF_LINE) return [];
  return [
    `The ${countText(count, 'new row')} ${count === 1 ? 'has' : 'have'} ${shortNumber(ratio)} times the length of the old ones: check that ${count === 1 ? 'it was' : 'they were'} initialised (with the mean of the old ones, say) and trained`,
  ];
}

import { resultsToHtml, type ReportPart } from '../../src/figure/html';
import { sharedDomain } from '../../src/figure/matrix-values';
import { isFigure } from '../../src/figure/svg';
import type { StudySpec } from '../../src/protocol/study';
import type { ResultCard } from '../result/card';
import type { Exported } from '../result/export';
import type { Shown } from '../result/shown';

/** All cards that have a result as one page, each with the figures that are on screen first; drawn for white paper. */
export function makeReport(study: StudySpec, cards: readonly ResultCard[]): Exported {
  const parts = cards.flatMap((card) => {
    const { result, shown, lens } = card;
    return result && shown ? [partOf(card, result, shown, lens)] : [];
  });
  return { name: 'report.html', data: resultsToHtml(study.name, parts) };
}

function partOf(
  card: ResultCard,
  result: ReportPart['result'],
  shown: Shown,
  lens: ReportPart['lens'],
): ReportPart {
  const matrices = [shown, ...shown.further].flatMap((one) => {
    const options = { logarithmic: one.logarithmic, order: one.order, domain: sharedDomain(one.matrices) };
    return one.matrices.map((figure) => ({ figure, options }));
  });
  const figures = shown.others.filter(isFigure).map((figure) => ({ figure, options: {} }));
  return { result, lens, heading: card.title, shown: [...matrices, ...figures] };
}

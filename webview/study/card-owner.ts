import type { ResultCard } from '../result/card';
import type { CardOwner } from '../result/card-surroundings';
import { overlayChoices } from '../result/overlays';
import { DIFFERENCE } from './comparison';
import type { StudyPanel } from './panel';
import { freshId } from './same-card';

/** What cards ask of their panel. */
export function createCardOwner(panel: StudyPanel): CardOwner {
  return {
    get tooltip() {
      return panel.tooltip;
    },
    announce: (text) => panel.announce(text),
    run: (card, parameters) => {
      if (card.state.pinned) {
        const { lens, view } = card.state;
        const made = panel.add(
          { id: freshId(panel.cards), lens, parameters, view: { ...view, selected: null } },
          card,
        );
        return panel.bringIntoView(made);
      }
      card.update({ parameters });
      panel.save();
      panel.ask(card, true);
    },
    cancel: (card) => panel.host.send({ type: 'cancel', card: card.id }),
    pin: (card) => {
      card.update({ pinned: !card.state.pinned });
      panel.save();
    },
    compare: (card) => compare(panel, card),
    duplicate: (card) => panel.bringIntoView(duplicate(panel, card)),
    maximise: (card) => {
      const isMaximised = panel.remembered.maximised === card.id;
      panel.change({ maximised: isMaximised ? null : card.id, compared: null });
      panel.current = card;
      card.draw();
      card.focus();
    },
    remove: (card) => panel.remove(card),
    remember: (card, change) => {
      if (card.id !== DIFFERENCE) panel.save();
      const { comparison } = panel;
      if (comparison?.has(card) || card === comparison?.difference) comparison?.follow(card, change);
    },
    select: (card, selection) => {
      const { comparison } = panel;
      const linked = panel.remembered.linked ?? true;
      const all = comparison ? [...panel.cards, comparison.difference] : panel.cards;
      for (const one of linked ? all : [card]) one.select(selection);
      panel.keepSelection(selection);
    },
    openDetails: (card, cell) => {
      if (card.id !== DIFFERENCE) panel.details.open(card, cell, panel.remembered.study.tasks[0]?.name ?? '');
    },
    closeDetails: () => {
      panel.details.close();
      for (const card of panel.cards) card.select(null);
      panel.comparison?.difference.select(null);
      panel.keepSelection(null);
    },
    exported: (card, format, { data, name }) =>
      panel.host.send({ type: 'exported', format, data, name, lens: card.state.lens }),
    attach: () => panel.host.send({ type: 'attach' }),
    showLog: () => panel.host.send({ type: 'showLog' }),
    drawn: (card, cells, title) => panel.host.send({ type: 'drawn', card: card.id, cells, title }),
    sharing: (card, shown) => {
      const { comparison } = panel;
      if (!comparison?.has(card)) return [];
      const other = card === comparison.a ? comparison.b : comparison.a;
      const ids = new Set(shown.matrices.map(({ id }) => id));
      return (other.result?.artifacts ?? []).flatMap((artifact) =>
        artifact.kind === 'matrix' && ids.has(artifact.id) ? [artifact] : [],
      );
    },
    overlays: (card) =>
      overlayChoices(
        panel.cards.flatMap(({ state, result }) =>
          result && state.id !== card.id ? [{ lens: state.lens, artifacts: result.artifacts }] : [],
        ),
      ),
    room: (card, heatmap) => {
      const scrolled = heatmap.closest('.figure-area')?.scrollTop ?? 0;
      const above = heatmap.getBoundingClientRect().top - card.element.getBoundingClientRect().top + scrolled;
      return Math.max(320, panel.area.clientHeight - above - 120);
    },
  };
}

/** Compares a card with the next one of its lens; where there is none, with a copy whose parameters are to be changed. */
function compare(panel: StudyPanel, card: ResultCard): void {
  const alike = panel.cards.filter(({ state }) => state.lens === card.state.lens);
  const at = alike.indexOf(card);
  const other = alike[at + 1] ?? alike[at - 1];
  if (other) {
    const pair = [card, other].sort((a, b) => panel.cards.indexOf(a) - panel.cards.indexOf(b));
    panel.change({ compared: [pair[0]?.id ?? '', pair[1]?.id ?? ''], maximised: null });
    return;
  }
  card.update({ pinned: true });
  const copy = duplicate(panel, card);
  panel.change({ compared: [card.id, copy.id], maximised: null });
  copy.editParameters();
}

function duplicate(panel: StudyPanel, card: ResultCard): ResultCard {
  const { lens, parameters, view } = card.state;
  return panel.add({ id: freshId(panel.cards), lens, parameters, view: { ...view, selected: null } }, card);
}

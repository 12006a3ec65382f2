import { formatBytes, formatDuration } from '../../src/figure/number-text';
import type { LensResult } from '../../src/protocol/artifact';
import type { LensDescription, ParameterValues } from '../../src/protocol/lens';
import type { StudyCard } from '../../src/protocol/panel';
import { element, icon, iconButton, toggle } from '../dom';
import { howToRead } from './how-to-read';
import { parametersForm } from './parameters-form';

/** What the buttons of a card's header do. */
export interface CardActions {
  readonly runWith: (parameters: ParameterValues) => void;
  readonly pin: () => void;
  readonly compare: () => void;
  readonly duplicate: () => void;
  readonly maximise: () => void;
  readonly remove: () => void;
}

export interface CardHeaderInput {
  readonly card: StudyCard;
  readonly lens: LensDescription | null;
  readonly result: LensResult | null;
  readonly isMaximised: boolean;
  readonly actions: CardActions;
}

/** Title, summary, buttons, and, folded away, how to read the result and its parameters. */
export function cardHeader(input: CardHeaderInput): HTMLElement {
  const { card, lens, result } = input;
  const timing = result ? `${formatBytes(result.bytesRead)} read in ${formatDuration(result.elapsedMs)}` : '';
  return element(
    'header',
    { class: 'card-header' },
    element(
      'div',
      { class: 'card-title' },
      element('h2', { text: lens?.title ?? card.lens, attributes: { id: `${card.id}-title` } }),
      cardButtons(input),
    ),
    lens ? element('p', { class: 'summary', text: lens.summary, title: lens.summary }) : null,
    element(
      'div',
      { class: 'foldables' },
      lens ? howToRead(lens) : null,
      lens ? parametersView(input, lens) : null,
      changedParameters(input),
      element('span', { class: 'muted timing', text: timing }),
    ),
  );
}

/** Title and summary alone. */
export function plainHeader(id: string, { title, summary }: { title: string; summary: string }): HTMLElement {
  return element(
    'header',
    { class: 'card-header' },
    element(
      'div',
      { class: 'card-title' },
      element('h2', { text: title, attributes: { id: `${id}-title` } }),
    ),
    element('p', { class: 'summary', text: summary }),
  );
}

function cardButtons({ card, isMaximised, actions }: CardHeaderInput): HTMLElement {
  const pin = toggle('', card.pinned ?? false, actions.pin, {
    icon: card.pinned ? 'pinned' : 'pin',
    title: card.pinned ? 'Unpin' : 'Pin: other parameters open a card beside this one',
  });
  pin.className = 'icon-button';
  pin.setAttribute('aria-label', 'Pin');
  return element(
    'div',
    { class: 'card-buttons', attributes: { role: 'toolbar', 'aria-label': 'Card' } },
    pin,
    iconButton('copy', 'Duplicate', actions.duplicate),
    iconButton('diff', 'Compare with another run', actions.compare),
    iconButton(
      isMaximised ? 'screen-normal' : 'screen-full',
      isMaximised ? 'Show all cards' : 'Maximise',
      actions.maximise,
    ),
    iconButton('close', 'Remove', actions.remove),
  );
}

/** The parameters that are not the lens's own choice: they tell the runs of one lens apart. */
function changedParameters({ card, lens, result }: CardHeaderInput): HTMLElement | null {
  const text = parametersText(lens, { ...result?.parameters, ...card.parameters });
  return text ? element('span', { class: 'changed', title: text }, icon('settings'), text) : null;
}

/** Parameters that differ from their defaults, in words: `Bins 32 · Norm Sum of magnitudes`; empty where none does. */
export function parametersText(lens: LensDescription | null, parameters: ParameterValues): string {
  const parts = (lens?.parameters ?? []).flatMap((declaration) => {
    const value = parameters[declaration.name];
    if (value === undefined || String(value) === String(declaration.default)) return [];
    const choice =
      declaration.type === 'choice'
        ? declaration.choices.find((candidate) => candidate.value === value)?.title
        : undefined;
    const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : (choice ?? (String(value) || 'none'));
    return [`${declaration.title}: ${text}`];
  });
  return parts.join(' · ');
}

function parametersView({ card, result, actions }: CardHeaderInput, lens: LensDescription): HTMLElement {
  const values = { ...result?.parameters, ...card.parameters };
  return element(
    'details',
    { class: 'foldable', attributes: { 'data-keep': 'parameters' } },
    element('summary', { text: lens.parameters.length > 0 ? 'Parameters' : 'Run again' }),
    parametersForm(card.id, lens.parameters, values, actions.runWith),
  );
}

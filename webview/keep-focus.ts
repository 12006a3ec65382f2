/** Puts a new element in the place of the old one; the control that had the focus has it again, if there still is one. */
export function replaceKeepingFocus(place: HTMLElement, made: HTMLElement): void {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const key = (item: Element) => item.id || item.getAttribute('aria-label') || item.textContent;
  place.replaceChildren(made);
  if (!focused) return;
  const controls = [...made.querySelectorAll<HTMLElement>('button, select, input, summary')];
  controls.find((item) => key(item) === key(focused))?.focus({ preventScroll: true });
}

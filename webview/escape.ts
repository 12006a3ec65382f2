/**
 * Calls `close` when Escape is pressed, wherever the focus is: figures are drawn anew while they have it, and then it is nowhere.
 * Menus and fields that use the key themselves come first.
 */
export function onEscape(close: () => void): void {
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || event.target instanceof HTMLInputElement) return;
    close();
  });
}

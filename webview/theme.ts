import { rgb } from 'd3';
import { DIVERGING, SEQUENTIAL } from '../src/figure/colour-ramps';
import type { Palette } from '../src/figure/palette';

/** The colours of the theme that is on now. Ramps come from the colours the extension contributes, else from built-in ones. */
export function themePalette(): Palette {
  const style = getComputedStyle(document.body);
  const read = (name: string) => style.getPropertyValue(`--vscode-${name}`).trim();
  const pick = (fallback: string, ...names: readonly string[]) => names.map(read).find(Boolean) ?? fallback;
  const tone = isDark() ? 'dark' : 'light';
  const ramp = (name: string, fallback: readonly string[]) =>
    fallback.map((colour, index) => pick(colour, `deltalens-${name}${String(index + 1)}`));
  const foreground = pick(tone === 'dark' ? '#cccccc' : '#3b3b3b', 'foreground', 'editor-foreground');
  return {
    background: opaque(pick(tone === 'dark' ? '#1f1f1f' : '#ffffff', 'editor-background')),
    foreground,
    muted: pick(foreground, 'descriptionForeground'),
    line: pick(
      tone === 'dark' ? '#5a5a5a' : '#c8c8c8',
      'contrastBorder',
      'editorIndentGuide-activeBackground1',
      'widget-border',
    ),
    accent: pick('#3794ff', 'charts-blue', 'focusBorder'),
    // Themes derive some from colours of highlights, which are nearly transparent: lines and swatches would hardly be seen.
    series: SERIES.map(([name, fallback]) => opaque(pick(fallback, `charts-${name}`))),
    sequential: ramp('sequential', SEQUENTIAL[tone]),
    diverging: ramp('diverging', DIVERGING[tone]),
    undefinedCell: pick(tone === 'dark' ? '#808080' : '#9a9a9a', 'deltalens-undefinedCell'),
    fontFamily: pick('system-ui, sans-serif', 'font-family'),
  };
}

const SERIES = [
  ['blue', '#3794ff'],
  ['orange', '#d18616'],
  ['green', '#89d185'],
  ['purple', '#b180d7'],
  ['yellow', '#cca700'],
  ['red', '#f14c4c'],
] as const;

/** Whether a dark theme, or dark high contrast, is on. VS Code says so in the classes of the body. */
export function isDark(): boolean {
  const { classList } = document.body;
  return (
    classList.contains('vscode-dark') ||
    (classList.contains('vscode-high-contrast') && !classList.contains('vscode-high-contrast-light'))
  );
}

/** Calls back after every change of theme. */
export function onThemeChange(changed: () => void): void {
  const options = { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] };
  new MutationObserver(changed).observe(document.body, options);
  // Colour customisations change the variables on the root element and no class.
  new MutationObserver(changed).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['style'],
  });
}

function opaque(colour: string): string {
  const parsed = rgb(colour);
  return Number.isNaN(parsed.r) ? colour : parsed.formatHex();
}

/** All that differs between the pages. Nothing of it comes from a file that the user opened. */
export interface PageParts {
  readonly title: string;
  readonly language: string;
  readonly script: string;
  readonly styles: readonly string[];
  /** `webview.cspSource` */
  readonly source: string;
  readonly nonce: string;
}

/**
 * The HTML of a webview: one script and its style sheets by nonce, the icon font, pictures made in the page itself
 * (the PNG export draws SVG through a `blob:` or `data:` URL); nothing inline, nothing from a network.
 */
export function pageHtml({ title, language, script, styles, source, nonce }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `font-src ${source}`,
    `img-src ${source} blob: data:`,
  ].join('; ');
  const links = styles.map((href) => `  <link rel="stylesheet" nonce="${nonce}" href="${escapeText(href)}">`);
  return `<!DOCTYPE html>
<html lang="${escapeText(language)}">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${escapeText(policy)}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
${links.join('\n')}
  <title>${escapeText(title)}</title>
</head>
<body>
  <main id="root"></main>
  <script nonce="${nonce}" src="${escapeText(script)}"></script>
</body>
</html>
`;
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

import assert from 'node:assert/strict';
import test from 'node:test';
import { pageHtml } from '../../src/extension/panels/page-html';

const html = pageHtml({
  title: 'A <b> & "c"',
  language: 'en',
  script: 'https://host/dist/webview/result.js',
  styles: ['https://host/dist/webview/codicon.css', 'https://host/dist/webview/result.css'],
  source: 'https://*.host',
  nonce: 'N0nce',
});
const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';

test('the policy of a page allows nothing but its own files by nonce', () => {
  const directives = new Map(
    policy.split('; ').map((directive) => {
      const [name, ...values] = directive.split(' ');
      return [name, values.join(' ')] as const;
    }),
  );
  assert.deepEqual(Object.fromEntries(directives), {
    'default-src': "'none'",
    'script-src': "'nonce-N0nce'",
    'style-src': "'nonce-N0nce'",
    'font-src': 'https://*.host',
    'img-src': 'https://*.host blob: data:',
  });
});

test('every script and style sheet of a page carries the nonce, and nothing is inline', () => {
  const loaded = html.match(/<(script|link)\b[^>]*>/g) ?? [];
  assert.equal(loaded.length, 3);
  for (const tag of loaded) assert.match(tag, /nonce="N0nce"/);
  assert.doesNotMatch(html, /<style|style=|\son\w+=|<script[^>]*>[^<]/);
});

test('what is put into a page is escaped', () => {
  assert.match(html, /<title>A &#60;b&#62; &#38; &#34;c&#34;<\/title>/);
});

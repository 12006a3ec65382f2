import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { readManifest, root } from './manifest';

const { text, manifest } = readManifest();
const strings = JSON.parse(fs.readFileSync(path.join(root, 'package.nls.json'), 'utf8')) as Record<
  string,
  string
>;

test('every string that the manifest names exists, and none is left over', () => {
  const named = [...text.matchAll(/"%([\w.]+)%"/g)].map((match) => match[1] ?? '');
  assert.deepEqual([...new Set(named)].sort(), Object.keys(strings).sort());
});

test('every menu entry belongs to a command, and every command has the category of the extension', () => {
  const commands = manifest.contributes.commands.map(({ command }) => command);
  assert.equal(new Set(commands).size, commands.length);
  for (const [menu, entries] of Object.entries(manifest.contributes.menus)) {
    for (const { command } of entries) assert.ok(commands.includes(command), `${menu}: ${command}`);
  }
  for (const { command, category } of manifest.contributes.commands)
    assert.equal(category, 'Deltalens', command);
});

test('every picture that the manifest names is there', () => {
  const pictures = [...text.matchAll(/"(media\/[^"]+)"/g)].map((match) => match[1] ?? '');
  assert.ok(pictures.includes(manifest.icon));
  for (const picture of pictures) assert.ok(fs.existsSync(path.join(root, picture)), picture);
});

test('the walkthrough draws with the colours of the theme', () => {
  const folder = path.join(root, 'media/walkthrough');
  for (const file of fs.readdirSync(folder)) {
    const svg = fs.readFileSync(path.join(folder, file), 'utf8');
    assert.doesNotMatch(svg, /(fill|stroke)="#/, file);
    assert.match(svg, /var\(--vscode-/, file);
  }
});

test('every setting that the extension reads is declared', () => {
  const declared = Object.keys(manifest.contributes.configuration.properties);
  const folder = path.join(root, 'src/extension');
  for (const file of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const source = fs.readFileSync(path.join(folder, file), 'utf8');
    for (const [, name] of source.matchAll(/getConfiguration\('deltalens'[^)]*\)\s*\.get\('([\w.]+)'/g)) {
      assert.ok(declared.includes(`deltalens.${name}`), `${file}: ${name}`);
    }
  }
});

test('views that greet a user are written without marks that VS Code would show as they stand', () => {
  const greetings = Object.entries(strings).filter(([key]) => key.startsWith('welcome.'));
  assert.ok(greetings.length > 0);
  for (const [key, text] of greetings) assert.doesNotMatch(text, /`|\*\*/, key);
});

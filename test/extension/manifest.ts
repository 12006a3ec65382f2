import fs from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

export interface Colour {
  readonly id: string;
  readonly defaults: Readonly<Record<'dark' | 'light' | 'highContrast' | 'highContrastLight', string>>;
}

export interface Manifest {
  readonly icon: string;
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: unknown; readonly description: string };
    readonly virtualWorkspaces: { readonly supported: unknown; readonly description: string };
  };
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly category: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly colors: readonly Colour[];
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
  };
}

/** The manifest of the extension, as text and as a value. */
export function readManifest(): { readonly text: string; readonly manifest: Manifest } {
  const text = fs.readFileSync(path.join(root, 'package.json'), 'utf8');
  return { text, manifest: JSON.parse(text) as Manifest };
}

import type { ExportFormat } from '../../protocol/panel';

/** A file name for an export: `vit-digits-delta-profile.svg`. Only letters that every file system takes. */
export function exportName(study: string, lens: string, format: ExportFormat): string {
  const stem = `${study}-${lens}`.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '');
  return `${stem.slice(0, 100)}.${format}`;
}

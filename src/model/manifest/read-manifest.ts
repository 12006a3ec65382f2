import { readName } from './written-name';

/** A section of a manifest and the lines of its tensors: `first` to `last`, both included. */
export interface SectionLines {
  readonly title: string;
  /** The line of the title. */
  readonly line: number;
  readonly first: number;
  readonly last: number;
}

/** A file that the header names, and where: columns of its name. */
export interface FileLine {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** The name on the line of a tensor, as written. */
export interface WrittenTensor {
  readonly name: string;
  /** The line as a whole. */
  readonly text: string;
  /** Length of the name as written, which begins the line. */
  readonly length: number;
}

const HASH = 35;
const BRACKET = 91;
const FILE_LINE = /^# file \d+: ("(?:[^"\\]|\\.)*"|\S+)/;

/** A manifest as its text has it: lines, sections and tensors. Made in one pass; of a text that is none, whatever fits. */
export class ManifestOutline {
  readonly sections: readonly SectionLines[];
  readonly files: readonly FileLine[];
  /** Lines before the first section. */
  readonly headerLines: number;
  private readonly starts: readonly number[];
  private names: ReadonlyMap<string, number> | undefined;

  constructor(private readonly text: string) {
    const starts: number[] = [];
    const sections: SectionLines[] = [];
    const files: FileLine[] = [];
    let open: { title: string; line: number } | null = null;
    let lastTensor = 0;
    let headerLines: number | null = null;
    const close = () => {
      if (open) sections.push({ ...open, first: open.line + 1, last: Math.max(lastTensor, open.line) });
    };
    for (let start = 0; start < text.length;) {
      const feed = text.indexOf('\n', start);
      const end = feed < 0 ? text.length : feed;
      const line = starts.push(start) - 1;
      const first = text.charCodeAt(start);
      if (first === BRACKET) {
        close();
        headerLines ??= line;
        open = { title: titleOf(text.slice(start, end)), line };
      } else if (first === HASH) {
        const file = open ? null : fileOf(text.slice(start, end), line);
        if (file) files.push(file);
      } else if (end > start) {
        lastTensor = line;
      }
      start = end + 1;
    }
    close();
    this.starts = starts;
    this.sections = sections;
    this.files = files;
    this.headerLines = headerLines ?? starts.length;
  }

  /** The text of a line without its end. */
  lineText(line: number): string {
    const start = this.starts[line];
    if (start === undefined) return '';
    const next = this.starts[line + 1];
    return this.text.slice(start, next === undefined ? this.text.length : next - 1).replace(/\r?\n?$/, '');
  }

  /** The tensor of a line; `null` on every other line. */
  tensorAt(line: number): WrittenTensor | null {
    if (line < this.headerLines) return null;
    const text = this.lineText(line);
    const written = /^(?![[#])(?:"(?:[^"\\]|\\.)*"|\S+)/.exec(text)?.[0];
    return written === undefined ? null : { name: readName(written), text, length: written.length };
  }

  /** The line of a tensor; `undefined` where there is none of that name. */
  lineOf(name: string): number | undefined {
    this.names ??= this.findNames();
    return this.names.get(name);
  }

  /** The section that a line belongs to. */
  sectionAt(line: number): SectionLines | undefined {
    return this.sections.find((section) => line >= section.line && line <= section.last);
  }

  private findNames(): ReadonlyMap<string, number> {
    const names = new Map<string, number>();
    for (const { first, last } of this.sections) {
      for (let line = first; line <= last; line++) {
        const tensor = this.tensorAt(line);
        if (tensor && !names.has(tensor.name)) names.set(tensor.name, line);
      }
    }
    return names;
  }
}

function titleOf(line: string): string {
  return readName(line.trimEnd().replace(/^\[/, '').replace(/\]$/, ''));
}

function fileOf(text: string, line: number): FileLine | null {
  const [match, written = ''] = FILE_LINE.exec(text) ?? [];
  if (match === undefined) return null;
  const start = match.length - written.length;
  return { line, start, end: match.length, name: readName(written) };
}

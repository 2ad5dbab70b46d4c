// Logs as tools write them: colours of terminals become classes, a carriage return begins a line anew,
// all other control sequences go. The result is text and class names only, never markup.
import { clean, ESCAPES } from './format.ts';

export interface Piece {
  text: string;
  /** Class names, '' for none. */
  style: string;
}

export type Line = Piece[];

class Pen {
  private bold = false;
  private dim = false;
  private italic = false;
  private under = false;
  private colour = '';

  /** `codes` of `ESC [ codes m`. */
  set(codes: string): void {
    const numbers = codes === '' ? [0] : codes.split(/[;:]/).map(Number);
    for (let i = 0; i < numbers.length; i += 1) {
      const code = numbers[i]!;
      if (code === 0) [this.bold, this.dim, this.italic, this.under, this.colour] = [false, false, false, false, ''];
      else if (code === 1) this.bold = true;
      else if (code === 2) this.dim = true;
      else if (code === 3) this.italic = true;
      else if (code === 4) this.under = true;
      else if (code === 22) [this.bold, this.dim] = [false, false];
      else if (code === 23) this.italic = false;
      else if (code === 24) this.under = false;
      else if (code >= 30 && code <= 37) this.colour = `a-${code - 30}`;
      else if (code >= 90 && code <= 97) this.colour = `a-${code - 90}`;
      else if (code === 39) this.colour = '';
      else if (code === 38 || code === 48) i += numbers[i + 1] === 5 ? 2 : numbers[i + 1] === 2 ? 4 : 0;
    }
  }

  get style(): string {
    return [
      this.bold && 'a-bold',
      this.dim && 'a-dim',
      this.italic && 'a-italic',
      this.under && 'a-under',
      this.colour,
    ]
      .filter(Boolean)
      .join(' ');
  }
}

// An escape sequence from its beginning to its end: what does not match may go on in the next piece.
const COMPLETE = /^\u001b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/;
const HELD_MAX = 256;

/** Where a sequence begins that is not complete yet, else the length. It is not waited for without end. */
function unfinished(text: string): number {
  let cut = text.lastIndexOf('\u001b');
  // The end of an operating system command has an escape of its own.
  const command = text.lastIndexOf('\u001b]');
  if (command !== -1 && command < cut && /^\u001b\][^\u0007\u001b]*\u001b$/.test(text.slice(command))) cut = command;
  return cut !== -1 && text.length - cut < HELD_MAX && !COMPLETE.test(text.slice(cut)) ? cut : text.length;
}

/** Takes a log piece by piece; a line or an escape sequence may be cut anywhere between two of them. */
export class LogText {
  /** Complete lines, and the last one so far. */
  readonly lines: Line[] = [[]];
  private pen = new Pen();
  private held = '';
  private returned = false;

  append(text: string): void {
    let whole = this.held + text;
    const cut = unfinished(whole);
    this.held = whole.slice(cut);
    whole = whole.slice(0, cut);
    let at = 0;
    for (const match of whole.matchAll(ESCAPES)) {
      this.write(whole.slice(at, match.index));
      if (match[2] === 'm') this.pen.set(match[1] ?? '');
      at = match.index + match[0].length;
    }
    this.write(whole.slice(at));
  }

  /** A line of our own, where something is missing: what stood before ends, what comes begins anew. */
  gap(text: string): void {
    this.pen = new Pen();
    this.held = '';
    this.returned = false;
    if (this.lines[this.lines.length - 1]!.length > 0) this.lines.push([]);
    this.lines[this.lines.length - 1] = [{ text, style: 'log-gap' }];
    this.lines.push([]);
  }

  private write(text: string): void {
    if (text === '') return;
    text.split('\n').forEach((part, index) => {
      if (index > 0) {
        this.lines.push([]);
        this.returned = false;
      }
      this.put(part);
    });
  }

  /** Progress bars write over their line; what was last is what a terminal would show. */
  private put(part: string): void {
    const line = this.lines[this.lines.length - 1]!;
    part.split('\r').forEach((text, index) => {
      if (index > 0) this.returned = true;
      if (text === '') return;
      if (this.returned) line.length = 0;
      this.returned = false;
      line.push({ text: clean(text), style: this.pen.style });
    });
  }
}

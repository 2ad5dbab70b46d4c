// The colours of the theme, for what is drawn on a canvas.
import { STATUSES, type Status } from '../base/status.ts';

export interface Palette {
  status: Readonly<Record<Status, string>>;
  tool: readonly string[];
  panel: string;
  line: string;
  strong: string;
  text: string;
  soft: string;
  link: string;
  gap: string;
  /** Of text on a filled bar. */
  onFill: string;
  sans: string;
}

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const status = Object.fromEntries(STATUSES.map((one) => [one, value(`--s-${one}`)])) as Record<Status, string>;
  return {
    status,
    tool: Array.from({ length: 10 }, (_, index) => value(`--tool-${index + 1}`)),
    panel: value('--panel'),
    line: value('--line'),
    strong: value('--line-strong'),
    text: value('--text'),
    soft: value('--soft'),
    link: value('--link'),
    gap: value('--gap'),
    onFill: value('--on-fill'),
    sans: value('--sans'),
  };
}

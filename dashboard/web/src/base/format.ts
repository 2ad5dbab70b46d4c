// Numbers, times and sizes as people read them. Pure: the time of reading is an argument.

/** `seconds` as the two largest units: `3 min 20 s`. Negative values count as 0. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const s = Math.max(0, seconds);
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${Math.floor(s * 10) / 10} s`;
  const whole = Math.floor(s);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Binary units, as tools report memory: `1.5 GiB`. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** Thousands apart by a narrow space: `12 345`. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

/** `1 task`, `2 tasks`. */
export function plural(value: number, one: string, many = one + 's'): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A share in whole percent that never claims 0 or 100 unless it is exactly that. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const value = (100 * part) / whole;
  if (part > 0 && value < 1) return '<1 %';
  if (part < whole && value > 99) return '99 %';
  return `${Math.round(value)} %`;
}

/** A metric with about four significant digits, without an exponent where that is readable. */
export function metric(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace('-', '−');
  const digits = size >= 100 ? 1 : size >= 10 ? 2 : 4;
  return minus(
    value
      .toFixed(digits)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, ''),
  );
}

/** A difference with its sign, a true minus included. */
export function signed(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const text = metric(Math.abs(value));
  if (text === '0') return '±0';
  return (value < 0 ? '−' : '+') + text;
}

const minus = (text: string): string => text.replace(/^-/, '−');

/** Milliseconds since 1970 of a time in the API's form, or null. */
export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const value = Date.parse(text);
  return Number.isNaN(value) ? null : value;
}

const two = (value: number): string => value.toString().padStart(2, '0');

/** Local clock time, with the date where it is another day than `now`. */
export function clock(time: number | null, now: number): string {
  if (time === null) return '–';
  const date = new Date(time);
  const today = new Date(now);
  const hours = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === today.toDateString()) return hours;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${hours}`;
}

/** For titles: the same moment in UTC. */
export function utc(time: number | null): string {
  return time === null
    ? ''
    : new Date(time)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC');
}

/** How long ago, coarse: `just now`, `12 s ago`. */
export function ago(time: number | null, now: number): string {
  if (time === null) return 'never';
  const seconds = (now - time) / 1000;
  return seconds < 2 ? 'just now' : `${duration(Math.floor(seconds))} ago`;
}

/** `pre_training` is shown as `pre-training`. */
export function stage(type: string | null | undefined): string {
  return type ? type.replaceAll('_', '-') : 'no stage';
}

/** Sequences that control a terminal: colours, titles, links. */
export const ESCAPES = /\u001b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

/** Without control and direction characters, so that no text can rearrange what stands beside it. */
export function clean(text: string): string {
  return text
    .replace(ESCAPES, '')
    .replace(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
      '\ufffd',
    );
}

/** A reason that quotes a log, as what happened and the end of the log, where the cause mostly is. */
export function shortReason(reason: string, most: number): string {
  const match = /^(.{1,80}?); last lines of its log:\s*([\s\S]*)$/.exec(reason);
  if (!match || reason.length <= most) return reason;
  const room = Math.max(20, most - match[1]!.length);
  const quoted = match[2]!.trim().replace(/\s+/g, ' ');
  return `${match[1]}: …${quoted.slice(-room).replace(/^\S*\s/, '')}`;
}

/** With a capital at its beginning, as a sentence of its own. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Shortens in the middle, where ids and digests differ least. */
export function middle(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}

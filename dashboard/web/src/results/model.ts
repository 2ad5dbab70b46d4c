// Results as rows and axes: what is shown, filtered, compared with the baseline and written as CSV. Pure.
import type { Combination, MetricInfo, Results } from '../api/types.ts';
import type { Cell } from '../base/csv.ts';
import { bytes, duration, metric, signed } from '../base/format.ts';
import type { Ranges } from '../base/url.ts';

export type StageKey = 'pre_training' | 'in_training' | 'post_training' | 'deployment';
export const STAGE_KEYS: readonly StageKey[] = ['pre_training', 'in_training', 'post_training', 'deployment'];

const UNKNOWN: MetricInfo = { higher_is_better: null, unit: 'number' };
export const infoOf = (results: Results, name: string): MetricInfo => results.metric_info[name] ?? UNKNOWN;

/** A number of a combination, or null where it is missing, of another kind or not known yet. */
export function numberOf(combination: Combination, name: string): number | null {
  const value = combination.metrics[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Metrics that have a number somewhere. */
export const numericMetrics = (results: Results): string[] =>
  results.metrics.filter((name) => results.combinations.some((one) => numberOf(one, name) !== null));

export function shown(value: number | null, info: MetricInfo): string {
  if (value === null) return '–';
  if (info.unit === 'fraction') return `${metric(Number((value * 100).toFixed(2)))} %`;
  if (info.unit === 'seconds') return duration(value);
  if (info.unit === 'bytes') return bytes(value);
  return metric(value);
}

/** With its sign, in the metric's unit; fractions in points, so that it cannot be read as a share of a share. */
export function shownDelta(delta: number, info: MetricInfo): string {
  if (info.unit === 'fraction') return `${signed(Number((delta * 100).toFixed(2)))} pt`;
  if (info.unit === 'seconds') return `${delta < 0 ? '−' : '+'}${duration(Math.abs(delta))}`;
  if (info.unit === 'bytes') return `${delta < 0 ? '−' : '+'}${bytes(Math.abs(delta))}`;
  return signed(Number(delta.toPrecision(4)));
}

export type Verdict = 'better' | 'worse' | 'same' | 'plain';

/** Whether a difference is for the better; `plain` where nobody knows the direction. */
export function verdict(delta: number, info: MetricInfo): Verdict {
  if (Math.abs(delta) < 1e-12) return 'same';
  if (info.higher_is_better === null) return 'plain';
  return delta > 0 === info.higher_is_better ? 'better' : 'worse';
}

export const directionWord = (info: MetricInfo): string =>
  info.higher_is_better === null
    ? 'direction not known'
    : info.higher_is_better
      ? 'higher is better'
      : 'lower is better';

export const directionSign = (info: MetricInfo): string =>
  info.higher_is_better === null ? '' : info.higher_is_better ? '↑' : '↓';

export const baselineOf = (results: Results): Combination | null =>
  results.combinations.find((one) => one.workflow_id === results.baseline) ?? null;

export interface Filter {
  ok: (combination: Combination) => boolean;
  /** What of the text was not understood, in words. */
  problem: string | null;
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '=': (a, b) => Math.abs(a - b) < 1e-9,
};

/**
 * Words that the tools or the name must contain, `-word` for those that must not, and comparisons such as
 * `accuracy>0.8` or `accuracy>80%`; a metric may be shortened to any part of its name.
 */
export function parseFilter(text: string, metrics: readonly string[]): Filter {
  const tests: ((combination: Combination) => boolean)[] = [];
  let problem: string | null = null;
  for (const token of text.trim().split(/\s+/).filter(Boolean)) {
    const match = /^([^<>=]+)(<=|>=|<|>|=)(-?[\d.]+(?:e-?\d+)?)(%?)$/i.exec(token);
    if (match) {
      const wanted = match[1]!.toLowerCase();
      const name =
        metrics.find((one) => one.toLowerCase() === wanted) ??
        metrics.find((one) => one.toLowerCase().includes(wanted));
      const limit = Number(match[3]) / (match[4] === '%' ? 100 : 1);
      if (name === undefined || Number.isNaN(limit)) {
        problem = `no metric is called ${match[1]}`;
        continue;
      }
      const compare = COMPARE[match[2]!]!;
      tests.push((one) => {
        const value = numberOf(one, name);
        return value !== null && compare(value, limit);
      });
      continue;
    }
    if (/[<>=]/.test(token)) {
      problem = `${token} is no comparison, such as accuracy>0.8`;
      continue;
    }
    const not = token.startsWith('-') && token.length > 1;
    const word = (not ? token.slice(1) : token).toLowerCase();
    tests.push((one) => {
      const all = [one.combination, ...STAGE_KEYS.map((key) => one[key])].join('\n').toLowerCase();
      return all.includes(word) !== not;
    });
  }
  return { ok: (one) => tests.every((test) => test(one)), problem };
}

export interface Axis {
  key: string;
  title: string;
  /** Of a stage: its distinct values, in order. */
  categories: string[] | null;
  low: number;
  high: number;
  /** Better is up: an axis whose lower values are better is turned over. */
  isFlipped: boolean;
  info: MetricInfo;
}

export function stageAxis(results: Results, key: StageKey): Axis {
  const categories = [...new Set(results.combinations.map((one) => one[key] || 'none'))].sort((a, b) =>
    a.localeCompare(b, 'en'),
  );
  return {
    key,
    title: key.replace('_', '-'),
    categories,
    low: 0,
    high: Math.max(1, categories.length - 1),
    isFlipped: false,
    info: UNKNOWN,
  };
}

export function metricAxis(results: Results, name: string): Axis {
  let low = Infinity;
  let high = -Infinity;
  for (const one of results.combinations) {
    const value = numberOf(one, name);
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!Number.isFinite(low)) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1];
  const info = infoOf(results, name);
  return { key: name, title: name, categories: null, low, high, isFlipped: info.higher_is_better === false, info };
}

/** Stages with a choice, and the metrics that vary, up to `most`; or those that were chosen. */
export function axesOf(results: Results, chosen: readonly string[], most: number): Axis[] {
  const stages = STAGE_KEYS.map((key) => stageAxis(results, key)).filter((axis) => axis.categories!.length > 1);
  const numeric = numericMetrics(results);
  const wanted =
    chosen.length > 0
      ? numeric.filter((name) => chosen.includes(name))
      : numeric
          .filter((name) => {
            const values = new Set(
              results.combinations.map((one) => numberOf(one, name)).filter((value) => value !== null),
            );
            return values.size > 1;
          })
          .slice(0, Math.max(1, most - stages.length));
  return [...stages, ...wanted.map((name) => metricAxis(results, name))];
}

/** The value of a combination on an axis: an index of a category, or a number. */
export function valueOn(axis: Axis, combination: Combination): number | null {
  if (axis.categories) return axis.categories.indexOf(combination[axis.key as StageKey] || 'none');
  return numberOf(combination, axis.key);
}

/** From 0 at the foot of the axis to 1 at its top. */
export function heightOf(axis: Axis, value: number): number {
  const share = axis.categories && axis.categories.length === 1 ? 0.5 : (value - axis.low) / (axis.high - axis.low);
  return axis.isFlipped || axis.categories ? 1 - share : share;
}

export function valueAt(axis: Axis, height: number): number {
  const share = axis.isFlipped || axis.categories ? 1 - height : height;
  return axis.low + share * (axis.high - axis.low);
}

/** Whether a combination is inside all ranges. One without a value is outside. */
export function isInside(results: Results, ranges: Ranges): (combination: Combination) => boolean {
  const tests = Object.entries(ranges).map(([key, [low, high]]) => {
    const axis = (STAGE_KEYS as readonly string[]).includes(key) ? stageAxis(results, key as StageKey) : null;
    return (one: Combination): boolean => {
      const value = axis ? valueOn(axis, one) : numberOf(one, key);
      return value !== null && value >= low && value <= high;
    };
  });
  return (one) => tests.every((test) => test(one));
}

/** `name` or `-name`: by a column; what is missing comes last either way. */
export function sortRows(rows: readonly Combination[], sort: string): Combination[] {
  const down = sort.startsWith('-');
  const key = down ? sort.slice(1) : sort;
  if (key === '') return [...rows];
  const value = (one: Combination): number | string | null => {
    if (key === 'combination') return one.combination;
    if (key === 'status') return one.combination_status;
    if (key === 'duration') return one.total_duration;
    if ((STAGE_KEYS as readonly string[]).includes(key)) return one[key as StageKey];
    return numberOf(one, key);
  };
  return rows
    .map((row, index) => ({ row, index, value: value(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null)
        return Number(a.value === null) - Number(b.value === null) || a.index - b.index;
      const order =
        typeof a.value === 'number' && typeof b.value === 'number'
          ? a.value - b.value
          : String(a.value).localeCompare(String(b.value), 'en', { numeric: true });
      return (down ? -order : order) || a.index - b.index;
    })
    .map(({ row }) => row);
}

/** Exactly the rows and columns that are shown, numbers as they are and not as they are written. */
export function csvOf(
  results: Results,
  rows: readonly Combination[],
  metrics: readonly string[],
): { columns: string[]; rows: Cell[][] } {
  const baseline = baselineOf(results);
  const columns = [
    'combination',
    ...STAGE_KEYS,
    ...metrics.flatMap((name) => (baseline && numberOf(baseline, name) !== null ? [name, `${name}_delta`] : [name])),
    'total_duration',
    'combination_status',
  ];
  return {
    columns,
    rows: rows.map((one) => [
      one.combination,
      ...STAGE_KEYS.map((key) => one[key]),
      ...metrics.flatMap((name): Cell[] => {
        const raw = one.metrics[name];
        const value: Cell = typeof raw === 'boolean' ? String(raw) : (raw ?? null);
        const base = baseline ? numberOf(baseline, name) : null;
        if (base === null) return [value];
        return [value, typeof value === 'number' ? Number((value - base).toPrecision(12)) : null];
      }),
      one.total_duration,
      one.combination_status,
    ]),
  };
}

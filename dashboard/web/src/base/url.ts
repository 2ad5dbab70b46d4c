// The whole state of a view as a URL and back. Pure; router.ts ties it to the browser.

export type Tab = 'progress' | 'graph' | 'timeline' | 'tasks' | 'results' | 'events';
export const TABS: readonly Tab[] = ['progress', 'graph', 'timeline', 'tasks', 'results', 'events'];

export type Place =
  | { page: 'overview' }
  | { page: 'pipelines' }
  | { page: 'pipeline'; id: string; tab: Tab }
  | { page: 'task'; id: string }
  | { page: 'workers' }
  | { page: 'worker'; id: string }
  | { page: 'missing'; path: string };

export type Query = Readonly<Record<string, string>>;

export interface Route {
  place: Place;
  query: Query;
}

const ID = /^[A-Za-z0-9_-]{1,128}$/;

function placeOf(path: string): Place {
  const [first = '', id = '', third = '', ...rest] = path.split('/').filter((part) => part !== '');
  const missing: Place = { page: 'missing', path };
  if (rest.length > 0) return missing;
  if (first === '') return { page: 'overview' };
  if (first === 'p' && id === '') return { page: 'pipelines' };
  if (first === 'w' && id === '') return { page: 'workers' };
  if (!ID.test(id)) return missing;
  if (first === 'p') {
    const tab = third === '' ? 'progress' : TABS.find((one) => one === third);
    return tab ? { page: 'pipeline', id, tab } : missing;
  }
  if (third !== '') return missing;
  if (first === 't') return { page: 'task', id };
  if (first === 'w') return { page: 'worker', id };
  return missing;
}

/** `path` begins after the base path. What cannot be understood is the page `missing`, never an error. */
export function parseRoute(path: string, search: string): Route {
  const query: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(search)) {
    if (value !== '') query[key] = value;
  }
  return { place: placeOf(path), query };
}

export function pathOf(place: Place): string {
  switch (place.page) {
    case 'overview':
      return '/';
    case 'pipelines':
      return '/p';
    case 'pipeline':
      return place.tab === 'progress' ? `/p/${place.id}` : `/p/${place.id}/${place.tab}`;
    case 'task':
      return `/t/${place.id}`;
    case 'workers':
      return '/w';
    case 'worker':
      return `/w/${place.id}`;
    case 'missing':
      return place.path;
  }
}

/** Keys sorted, so that one state has one URL. Empty values are left out. */
export function searchOf(query: Query): string {
  const params = new URLSearchParams();
  for (const key of Object.keys(query).sort()) {
    const value = query[key];
    if (value !== undefined && value !== '') params.set(key, value);
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

export function formatRoute(route: Route): string {
  return pathOf(route.place) + searchOf(route.query);
}

/** A copy with some keys set, or removed by an empty value. */
export function withQuery(query: Query, changes: Readonly<Record<string, string | null>>): Query {
  const changed: Record<string, string> = { ...query };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === '') delete changed[key];
    else changed[key] = value;
  }
  return changed;
}

/** Ranges of axes, as the parallel coordinates have them: `accuracy:0.8..1~epsilon:..8`. */
export type Ranges = Readonly<Record<string, readonly [number, number]>>;

export function formatRanges(ranges: Ranges): string {
  const short = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : '');
  return Object.keys(ranges)
    .sort()
    .map(
      (name) =>
        `${encodeURIComponent(name).replaceAll('~', '%7E')}:${short(ranges[name]![0])}..${short(ranges[name]![1])}`,
    )
    .join('~');
}

export function parseRanges(text: string | undefined): Ranges {
  const ranges: Record<string, readonly [number, number]> = {};
  for (const part of (text ?? '').split('~')) {
    const match = /^([^:]+):(-?[\d.eE+-]*?)\.\.(-?[\d.eE+-]*)$/.exec(part);
    if (!match) continue;
    const low = match[2] === '' ? -Infinity : Number(match[2]);
    const high = match[3] === '' ? Infinity : Number(match[3]);
    if (Number.isNaN(low) || Number.isNaN(high) || low > high) continue;
    try {
      ranges[decodeURIComponent(match[1]!)] = [low, high];
    } catch {
      continue; // not a name that we wrote
    }
  }
  return ranges;
}

// Requests to the gateway. Texts are cleaned of control and direction characters here, in one place, so
// that nothing a tool, a file or a worker sends can rearrange the page; logs keep theirs for the log view.
import { clean } from '../base/format.ts';
import type { ActionResult } from './types.ts';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

const SUSPECT = /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\\u|\\b|\\f/;

/** JSON whose texts are clean. Most answers hold nothing suspect and are parsed without a second look. */
export function parseClean(text: string): unknown {
  if (!SUSPECT.test(text)) return JSON.parse(text);
  const seen = (value: unknown): unknown => {
    if (typeof value === 'string') return clean(value);
    if (Array.isArray(value)) return value.map(seen);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), seen(inner)]));
  };
  return seen(JSON.parse(text));
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = parseClean(text) as { error: { code: string; message: string; hint: string | null } };
    return new ApiError(response.status, error.code, error.message, error.hint);
  } catch {
    return new ApiError(response.status, 'unavailable', `the gateway answered ${response.status}`, null);
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`/api/v1${path}`, { ...init, credentials: 'same-origin' });
  } catch (problem) {
    if (problem instanceof DOMException && problem.name === 'AbortError') throw problem;
    throw new ApiError(
      0,
      'unavailable',
      'the gateway does not answer',
      'it may be starting; this page tries again by itself',
    );
  }
}

export async function get<T>(path: string, signal?: AbortSignal, raw = false): Promise<T> {
  const response = await send(path, { signal: signal ?? null, headers: { Accept: 'application/json' } });
  if (!response.ok) throw await errorOf(response);
  const text = await response.text();
  return (raw ? JSON.parse(text) : parseClean(text)) as T;
}

const REPEATS = 4;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * An action, done once however often it has to be sent: when no answer comes it is repeated with the same
 * key, which the gateway knows.
 */
export async function act(path: string, body: unknown = {}): Promise<ActionResult> {
  const key = crypto.randomUUID
    ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint32Array(4))).join('-');
  for (let repeat = 0; ; repeat += 1) {
    try {
      const response = await send(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Landseer-Request': '1', 'Idempotency-Key': key },
        body: JSON.stringify(body),
      });
      if (response.ok) return parseClean(await response.text()) as ActionResult;
      throw await errorOf(response);
    } catch (problem) {
      const passing =
        problem instanceof ApiError && (problem.status === 0 || problem.status === 503 || problem.status === 429);
      if (!passing || repeat === REPEATS) throw problem;
      await pause(500 * 2 ** repeat);
    }
  }
}

/** A query that leaves out what is not set. */
export function withParams(
  path: string,
  params: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

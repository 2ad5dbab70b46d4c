// The states of tasks as they are shown everywhere: one word, one shape and one colour each. The colours
// are told apart with the common kinds of colour blindness; the shape or the word is always beside them.

export type Status = 'pending' | 'ready' | 'running' | 'completed' | 'cached' | 'failed' | 'skipped' | 'cancelled';

/** In the order of bars: what is done first, what is to come last. */
export const STATUSES: readonly Status[] = [
  'completed',
  'cached',
  'running',
  'failed',
  'skipped',
  'cancelled',
  'ready',
  'pending',
];

/** What a shape is drawn from: a path in a square of 16. Filled, unless it is in STROKED. */
export const SHAPES: Readonly<Record<Status, string>> = {
  completed: 'M3 8.5 L6.5 12 L13 4.5',
  cached: 'M8 2 L14 8 L8 14 L2 8 Z',
  running: 'M5 3 L13 8 L5 13 Z',
  failed: 'M4 4 L12 12 M12 4 L4 12',
  skipped: 'M3 4 L8 8 L3 12 M8 4 L13 8 L8 12',
  cancelled: 'M3 8 L13 8',
  ready: 'M8 2.5 A5.5 5.5 0 1 1 7.99 2.5 Z M8 2.5 A5.5 5.5 0 0 1 8 13.5 Z',
  pending: 'M8 3 A5 5 0 1 1 7.99 3 Z',
};

export const STROKED: ReadonlySet<Status> = new Set([
  'completed',
  'failed',
  'skipped',
  'cancelled',
  'ready',
  'pending',
  'cached',
]);

export const MEANINGS: Readonly<Record<Status, string>> = {
  completed: 'ran and left its result',
  cached: 'completed without running: its result was known',
  running: 'at work on a worker',
  failed: 'ended in a failure, retries included',
  skipped: 'not run, because something it depends on did not complete',
  cancelled: 'ended by a person or a rule',
  ready: 'waits for a place: everything it depends on is complete',
  pending: 'waits for tasks it depends on',
};

// The one stream of events of this page, and who wants to know of them. The browser reconnects and sends
// its position by itself; after a `reset`, and whenever the stream begins anew, snapshots are taken again.
import { signal } from '@preact/signals';
import { parseClean, withParams } from './client.ts';
import type { Pipeline, TasksEvent, Worker } from './types.ts';

export type Topic = 'pipelines' | 'tasks' | 'workers' | 'broker';
export type Connection = 'connecting' | 'live' | 'lost' | 'no session' | 'asleep';

export interface Change {
  topic: Topic | 'reset';
  pipelines?: Pipeline[];
  tasks?: TasksEvent;
  workers?: Worker[];
}

export const connection = signal<Connection>('connecting');
export const brokerConnected = signal(true);
export const lastEventAt = signal<number | null>(null);

type Listener = (change: Change) => void;
const listeners = new Set<Listener>();

export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = (change: Change): void => {
  for (const listener of [...listeners]) listener(change);
};

const RETRY_MS = 3000;
const ASLEEP_AFTER_MS = 60_000;
let source: EventSource | null = null;
let watched = '';
let position = '';
let retry: ReturnType<typeof setTimeout> | undefined;
let sleep: ReturnType<typeof setTimeout> | undefined;

function on<T>(from: EventSource, name: string, handle: (data: T) => void): void {
  from.addEventListener(name, (event: MessageEvent<string>) => {
    if (from !== source) return;
    position = event.lastEventId;
    lastEventAt.value = Date.now();
    handle(parseClean(event.data) as T);
  });
}

function open(): void {
  clearTimeout(retry);
  source?.close();
  const made = new EventSource(withParams('/api/v1/events', { pipelines: watched, last_event_id: position }));
  source = made;
  on<{ resumed: boolean; broker: { connected: boolean } }>(made, 'hello', ({ resumed, broker }) => {
    connection.value = 'live';
    brokerConnected.value = broker.connected;
    if (!resumed) tell({ topic: 'reset' });
  });
  on<unknown>(made, 'reset', () => tell({ topic: 'reset' }));
  on<{ pipelines: Pipeline[] }>(made, 'pipelines', ({ pipelines }) => tell({ topic: 'pipelines', pipelines }));
  on<TasksEvent>(made, 'tasks', (tasks) => tell({ topic: 'tasks', tasks }));
  on<{ workers: Worker[] }>(made, 'workers', ({ workers }) => tell({ topic: 'workers', workers }));
  on<{ connected: boolean }>(made, 'broker', ({ connected }) => {
    brokerConnected.value = connected;
    tell({ topic: 'broker' });
  });
  made.onerror = () => {
    if (made !== source) return;
    if (connection.value !== 'no session') connection.value = 'lost';
    if (made.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
  };
}

let wanted = '';
let settle: ReturnType<typeof setTimeout> | undefined;
const LEAVE_MS = 400;

/**
 * Also the tasks of this pipeline, or of none. Leaving waits a moment: the next page is mostly about the same
 * pipeline, and then the stream simply goes on.
 */
export function watchPipeline(id: string | null): void {
  wanted = id ?? '';
  clearTimeout(settle);
  settle = setTimeout(
    () => {
      if (wanted === watched) return;
      watched = wanted;
      position = ''; // of another selection: not to be gone on from
      if (source) open();
    },
    id === null ? LEAVE_MS : 0,
  );
}

/** A hidden tab gives its connection back after a while, since a browser has few of them per host. */
export function startLive(): void {
  open();
  document.addEventListener('visibilitychange', () => {
    clearTimeout(sleep);
    if (document.hidden) {
      sleep = setTimeout(() => {
        clearTimeout(retry);
        source?.close();
        source = null;
        connection.value = 'asleep';
      }, ASLEEP_AFTER_MS);
    } else if (!source) {
      connection.value = 'connecting';
      open();
    }
  });
}

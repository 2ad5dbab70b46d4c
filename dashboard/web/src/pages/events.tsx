// What happened in a pipeline, newest first: attempts as the timeline knows them, tasks that ended without
// one, and everything that comes while the page is open.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get } from '../api/client.ts';
import { listen } from '../api/live.ts';
import type { Task, TaskChange, TaskGraph, TaskPage, Timeline } from '../api/types.ts';
import { parseTime, plural } from '../base/format.ts';
import { change, query } from '../base/router.ts';
import type { Status } from '../base/status.ts';
import { Empty, Problem, Shape, shownStatus, TaskRef, When } from '../parts/basics.tsx';
import { Rows, type Column } from '../parts/rows.tsx';
import { eventsOf, fromChange, MAX_EVENTS, type PastEvent } from '../timeline/history.ts';
import type { TabProps } from './pipeline.tsx';

const COLUMNS: readonly Column[] = [
  { key: 'time', title: 'time', width: '150px' },
  { key: 'what', title: 'what', width: '130px' },
  { key: 'task', title: 'task', width: '110px' },
  { key: 'tool', title: 'tool', width: 'minmax(150px, 1fr)' },
  { key: 'worker', title: 'worker', width: 'minmax(110px, 1fr)' },
  { key: 'text', title: 'more', width: 'minmax(200px, 3fr)' },
];

const KINDS = ['', 'started', 'completed', 'failed', 'skipped', 'cancelled'];

const ended = (task: Task): PastEvent => ({
  at: parseTime(task.finished_at) ?? 0,
  task: task.task_id,
  what: shownStatus(task),
  worker: '',
  text: task.reason ?? '',
  key: `${task.task_id} end`,
});

export function EventsTab({ pipeline }: TabProps): JSX.Element {
  const id = pipeline.pipeline_id;
  const [events, setEvents] = useState<PastEvent[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [paused, setPaused] = useState(false);
  const held = useRef<TaskChange[]>([]);
  const tools = useRef(new Map<string, string>());
  const pausedRef = useRef(false);
  pausedRef.current = paused;
  const add = (changes: readonly TaskChange[]): void =>
    setEvents((before) => {
      const known = new Set((before ?? []).slice(0, 2000).map((one) => one.key));
      const made = changes
        .flatMap((one) => fromChange(one))
        .filter((one) => !known.has(one.key))
        .sort((a, b) => b.at - a.at);
      return made.length === 0 ? before : [...made, ...(before ?? [])].slice(0, MAX_EVENTS);
    });
  useEffect(() => {
    const abort = new AbortController();
    const load = async (): Promise<void> => {
      try {
        const [timeline, graph, tasks] = await Promise.all([
          get<Timeline>(`/pipelines/${id}/timeline`, abort.signal),
          get<TaskGraph>(`/pipelines/${id}/graph?view=tasks`, abort.signal),
          get<TaskPage>(
            `/pipelines/${id}/tasks?status=completed,skipped,cancelled&sort=-finished&limit=1000`,
            abort.signal,
          ),
        ]);
        tools.current = new Map(
          graph.tasks.number.map((number, index) => [`task_${number}`, graph.tools[graph.tasks.tool[index]!] ?? '']),
        );
        const quiet = tasks.tasks.filter((task) => task.status !== 'completed' || task.cached).map(ended);
        setEvents([...eventsOf(timeline.attempts), ...quiet].sort((a, b) => b.at - a.at).slice(0, MAX_EVENTS));
        setError(null);
      } catch (problem) {
        if (!abort.signal.aborted && problem instanceof ApiError) setError(problem);
      }
    };
    void load();
    const forget = listen((event) => {
      if (event.topic === 'reset') void load();
      else if (event.tasks?.pipeline_id === id) {
        if (pausedRef.current) held.current.push(...event.tasks.tasks);
        else add(event.tasks.tasks);
      }
    });
    return () => {
      abort.abort();
      forget();
    };
  }, [id]);
  const kind = KINDS.includes(query.value['kind'] ?? '') ? (query.value['kind'] ?? '') : '';
  const shown = (events ?? []).filter(
    (one) => kind === '' || one.what === kind || (kind === 'completed' && one.what === 'cached'),
  );
  const shape = (what: string): Status => (what === 'started' ? 'running' : (what as Status));
  const togglePause = (): void => {
    if (paused) add(held.current.splice(0));
    setPaused(!paused);
  };
  return (
    <>
      <div class="toolbar">
        <div class="choice" role="group" aria-label="kind">
          {KINDS.map((one) => (
            <button
              key={one}
              type="button"
              class="button"
              aria-pressed={kind === one}
              onClick={() => change({ kind: one })}
            >
              {one === '' ? 'all' : one}
            </button>
          ))}
        </div>
        <span class="soft number" role="status">
          {events ? plural(shown.length, 'event') : ''}
        </span>
        <span class="spring" />
        <button type="button" class="button" aria-pressed={paused} onClick={togglePause}>
          {paused ? 'go on' : 'hold still'}
        </button>
      </div>
      <Problem error={error} />
      {events && shown.length === 0 ? (
        <section class="panel">
          <Empty title="Nothing happened yet">
            <p>What happens from now on appears here by itself.</p>
          </Empty>
        </section>
      ) : null}
      {shown.length > 0 ? (
        <Rows
          columns={COLUMNS}
          count={shown.length}
          minWidth={900}
          label="events"
          sort=""
          onSort={() => {}}
          keyOf={(index) => shown[index]!.key}
          cells={(index) => {
            const one = shown[index]!;
            const tool = tools.current.get(one.task) ?? '';
            return [
              <When time={one.at} />,
              <span class={`status t-${shape(one.what)}`}>
                <Shape status={shape(one.what)} />
                {one.what}
              </span>,
              <TaskRef id={one.task} />,
              <span title={tool}>{tool}</span>,
              one.worker,
              <span title={one.text} class="soft">
                {one.text}
              </span>,
            ];
          }}
        />
      ) : null}
      {!events && !error ? <p class="boot">Loading…</p> : null}
    </>
  );
}

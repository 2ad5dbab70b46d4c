// The tasks of a pipeline: filtered and sorted by the gateway, fetched as they come into view, and kept
// fresh by events.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, withParams } from '../api/client.ts';
import { listen } from '../api/live.ts';
import type { Task, TaskPage } from '../api/types.ts';
import { count, plural, stage } from '../base/format.ts';
import { change, hrefOf, query } from '../base/router.ts';
import { Ago, Empty, Problem, shownStatus, StageWord, StatusWord, Took } from '../parts/basics.tsx';
import { Rows, type Column } from '../parts/rows.tsx';
import type { TabProps } from './pipeline.tsx';

const PAGE = 200;
const REFRESH_MS = 1500;
const STATUSES = ['pending', 'running', 'completed', 'failed', 'skipped', 'cancelled'];

const COLUMNS: readonly Column[] = [
  { key: 'task', title: 'task', width: '104px' },
  { key: 'tool', title: 'tool', width: 'minmax(160px, 2fr)', sort: 'tool' },
  { key: 'stage', title: 'stage', width: '110px' },
  { key: 'status', title: 'status', width: '112px', sort: 'status' },
  {
    key: 'priority',
    title: 'priority',
    width: '84px',
    isNumber: true,
    sort: 'priority',
    hint: 'the number of the policy landseer; lower goes first',
  },
  { key: 'usage', title: 'workflows', width: '96px', isNumber: true, hint: 'how many contain it' },
  { key: 'attempts', title: 'attempts', width: '88px', isNumber: true },
  { key: 'worker', title: 'worker', width: 'minmax(110px, 1fr)' },
  { key: 'took', title: 'ran', width: '96px', isNumber: true, sort: 'duration' },
  { key: 'started', title: 'started', width: '130px', sort: 'started' },
  { key: 'reason', title: 'reason', width: 'minmax(160px, 3fr)' },
];

interface Pages {
  total: number | null;
  rows: Map<number, Task>;
  error: ApiError | null;
}

/** Keeps the pages that are in view; `see` says which rows those are. */
function useTasks(base: string, pipeline: string): Pages & { see: (first: number, last: number) => void } {
  const [state, setState] = useState<Pages>({ total: null, rows: new Map(), error: null });
  const seen = useRef({ first: 0, last: PAGE });
  const fetchRef = useRef<(force: boolean) => void>(() => {});
  useEffect(() => {
    const abort = new AbortController();
    let known = new Map<number, Task>();
    let pages = new Set<number>();
    let busy = false;
    let again = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState({ total: null, rows: known, error: null });
    const load = async (force: boolean): Promise<void> => {
      if (busy) {
        again ||= force;
        if (!force)
          timer ??= setTimeout(() => {
            timer = undefined;
            void load(false);
          }, 100);
        return;
      }
      busy = true;
      let wait: number | null = null;
      try {
        if (force) pages = new Set();
        const wanted: number[] = [];
        for (
          let page = Math.floor(seen.current.first / PAGE);
          page <= Math.floor(Math.max(seen.current.first, seen.current.last - 1) / PAGE);
          page += 1
        ) {
          if (!pages.has(page)) wanted.push(page);
        }
        const answers = await Promise.all(
          wanted.map((page) =>
            get<TaskPage>(
              base + (base.includes('?') ? '&' : '?') + `offset=${page * PAGE}&limit=${PAGE}`,
              abort.signal,
            ),
          ),
        );
        if (abort.signal.aborted) return;
        if (answers.length > 0) {
          if (force) known = new Map();
          answers.forEach((answer, index) => {
            pages.add(wanted[index]!);
            answer.tasks.forEach((task, at) => known.set(wanted[index]! * PAGE + at, task));
          });
          setState({ total: answers[0]!.total, rows: new Map(known), error: null });
        }
      } catch (error) {
        if (abort.signal.aborted || !(error instanceof ApiError)) return;
        setState((before) => ({ ...before, error }));
        again = error.status === 0 || error.status === 503 || error.status === 429;
        wait = 3000;
      } finally {
        busy = false;
      }
      if (again) {
        again = false;
        clearTimeout(timer);
        timer = setTimeout(() => {
          timer = undefined;
          void load(true);
        }, wait ?? REFRESH_MS);
      }
    };
    fetchRef.current = (force) => void load(force);
    void load(true);
    const forget = listen((event) => {
      if (event.topic === 'reset') void load(true);
      if (event.tasks?.pipeline_id !== pipeline) return;
      // Rows change at once; their order and number after a moment.
      const changes = new Map(event.tasks.tasks.map((one) => [one.task_id, one]));
      let touched = false;
      for (const [index, task] of known) {
        const one = changes.get(task.task_id);
        if (!one) continue;
        touched = true;
        known.set(index, {
          ...task,
          status: one.status,
          reason: one.reason,
          ready: one.ready,
          attempts: one.attempts,
          worker: one.worker,
          cached: one.cached,
          started_at: one.started_ms > 0 ? new Date(one.started_ms).toISOString() : null,
          finished_at: one.finished_ms > 0 ? new Date(one.finished_ms).toISOString() : null,
        });
      }
      if (touched) setState((before) => ({ ...before, rows: new Map(known) }));
      timer ??= setTimeout(() => {
        timer = undefined;
        void load(true);
      }, REFRESH_MS);
    });
    return () => {
      abort.abort();
      clearTimeout(timer);
      forget();
    };
  }, [base, pipeline]);
  const see = (first: number, last: number): void => {
    seen.current = { first, last };
    fetchRef.current(false);
  };
  return { ...state, see };
}

function cellsOf(task: Task): ComponentChildren[] {
  return [
    <a data-row class="id" href={hrefOf({ page: 'task', id: task.task_id })}>
      {task.task_id}
    </a>,
    <span title={task.tool}>{task.tool}</span>,
    <StageWord type={task.type} />,
    <StatusWord status={shownStatus(task)} />,
    task.priority,
    count(task.usage_counter),
    task.attempts,
    <span title={task.worker ?? ''}>{task.worker ?? '–'}</span>,
    task.cached ? <span class="faint">cached</span> : <Took from={task.started_at} to={task.finished_at} />,
    task.started_at ? <Ago time={task.started_at} /> : '–',
    <span class={task.status === 'failed' ? 'bad' : 'soft'} title={task.reason ?? ''}>
      {task.reason ?? ''}
    </span>,
  ];
}

export function TasksTab({ pipeline }: TabProps): JSX.Element {
  const q = query.value;
  const [text, setText] = useState(q['search'] ?? '');
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== (query.value['search'] ?? '')) change({ search: text });
    }, 250);
    return () => clearTimeout(timer);
  }, [text]);
  const chosen = new Set((q['status'] ?? '').split(',').filter((one) => STATUSES.includes(one)));
  const base = withParams(`/pipelines/${pipeline.pipeline_id}/tasks`, {
    status: [...chosen].join(','),
    tool: q['tool'],
    type: q['type'],
    workflow: q['workflow'],
    search: q['search'],
    sort: q['sort'],
  });
  const { total, rows, error, see } = useTasks(base, pipeline.pipeline_id);
  const toggle = (status: string): void => {
    const next = new Set(chosen);
    if (!next.delete(status)) next.add(status);
    change({ status: [...next].join(',') });
  };
  const filters: [string, string | undefined][] = [
    ['tool', q['tool']],
    ['stage', q['type'] ? stage(q['type']) : undefined],
    ['workflow', q['workflow']],
  ];
  const types = pipeline.stages.map((one) => one.type);
  return (
    <>
      <div class="toolbar">
        <input
          type="search"
          placeholder="id, tool, worker or reason"
          aria-label="filter by text"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div class="choice" role="group" aria-label="status">
          {STATUSES.map((one) => (
            <button key={one} type="button" class="button" aria-pressed={chosen.has(one)} onClick={() => toggle(one)}>
              {one}
            </button>
          ))}
        </div>
        <label>
          stage
          <select value={q['type'] ?? ''} onChange={(event) => change({ type: event.currentTarget.value })}>
            <option value="">all</option>
            {types.map((one) => (
              <option key={one} value={one}>
                {stage(one)}
              </option>
            ))}
          </select>
        </label>
        {filters
          .filter(([name, value]) => value && name !== 'stage')
          .map(([name, value]) => (
            <span key={name} class="tag">
              {name} {value}{' '}
              <button
                type="button"
                class="copy"
                aria-label={`all of them, not only this ${name}`}
                onClick={() => change({ [name]: null })}
              >
                ✕
              </button>
            </span>
          ))}
        <span class="spring" />
        <span class="soft number" role="status">
          {total === null ? '' : plural(total, 'task')}
        </span>
      </div>
      <Problem error={error} />
      {total === 0 ? (
        <section class="panel">
          <Empty title="No task fits">
            <p>
              <button
                type="button"
                class="button small"
                onClick={() => {
                  setText('');
                  change({ status: null, tool: null, type: null, workflow: null, search: null });
                }}
              >
                show all
              </button>
            </p>
          </Empty>
        </section>
      ) : null}
      {total !== null && total > 0 ? (
        <Rows
          columns={COLUMNS}
          count={total}
          minWidth={1210}
          label="tasks"
          pickedKey={q['sel']}
          sort={q['sort'] ?? ''}
          onSort={(sort) => change({ sort })}
          onSpan={see}
          keyOf={(index) => rows.get(index)?.task_id ?? `row ${index}`}
          cells={(index) => {
            const task = rows.get(index);
            return task ? cellsOf(task) : null;
          }}
        />
      ) : null}
      {total === null && !error ? <p class="boot">Loading…</p> : null}
    </>
  );
}

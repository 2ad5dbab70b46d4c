// What ends last: the chain of tasks that takes longest from now, and what it had to wait for so far. Chosen
// by `path=1` in the URL where it is drawn over something else. A diamond stands for it everywhere.
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useResource } from '../api/resource.ts';
import type { CriticalPath, CriticalTask } from '../api/types.ts';
import { duration, plural } from '../base/format.ts';
import { change, query } from '../base/router.ts';
import { Empty, Problem, Section, StageWord, StatusWord, TaskRef } from './basics.tsx';

export const DIAMOND = '◆';
const GAP_MS = 2500;
const SHOWN_MAX = 8;
/** Less than this is not told from nothing: a second is the least that anything is said to take. */
const NOTICED_MS = 1000;

const isOver = (task: CriticalTask): boolean => task.status !== 'pending' && task.status !== 'running';

export const isPathShown = (): boolean => query.value['path'] === '1';

/** Fetched while it is wanted. */
export function useCriticalPath(id: string, wanted: boolean): CriticalPath | null {
  const path = useResource<CriticalPath>(wanted ? `/pipelines/${id}/critical-path` : null, ['tasks'], GAP_MS);
  return wanted ? path.data.value : null;
}

/** By number of the task, for what is drawn; null: not shown. */
export function usePathNumbers(id: string): readonly number[] | null {
  const path = useCriticalPath(id, isPathShown());
  return useMemo(() => path && path.tasks.map((task) => Number(task.task_id.replace(/^task_/, ''))), [path]);
}

export function PathToggle(): JSX.Element {
  const shown = isPathShown();
  return (
    <button
      type="button"
      class="button"
      aria-pressed={shown}
      title="the chain of tasks that takes longest"
      onClick={() => change({ path: shown ? null : '1' })}
    >
      {DIAMOND} what ends last
    </button>
  );
}

/** In words, of the chain as a whole. */
export function pathWords(path: CriticalPath): string {
  const left = path.tasks.filter((task) => !isOver(task));
  if (left.length === 0) return path.tasks.length === 0 ? 'nothing ran' : `${plural(path.tasks.length, 'task')}, over`;
  const long =
    path.remaining_ms < NOTICED_MS ? 'any moment now' : `at least ${duration(Math.round(path.remaining_ms / 1000))}`;
  const guess = path.is_measured ? '' : ', partly a guess';
  return `${plural(left.length, 'task')} in a row, ${long}${guess}`;
}

function stepWords(task: CriticalTask): string {
  if (task.status === 'running')
    return task.remaining_ms === 0
      ? 'runs for longer than expected'
      : `some ${duration(Math.ceil(task.remaining_ms / 1000))} left`;
  return isOver(task) ? '' : `some ${duration(Math.ceil(task.expected_ms / 1000))}`;
}

function Step({ task }: { task: CriticalTask }): JSX.Element {
  return (
    <li>
      <div class="line-1">
        <StatusWord status={task.status} /> <TaskRef id={task.task_id} /> <b class="break">{task.tool}</b>{' '}
        <StageWord type={task.type} /> <span class="soft">{stepWords(task)}</span>
      </div>
    </li>
  );
}

/** The chain as a list: what is still to be done, and how much was before it. */
export function WhatEndsLast({ id }: { id: string }): JSX.Element {
  const { data, error } = useResource<CriticalPath>(`/pipelines/${id}/critical-path`, ['tasks'], GAP_MS);
  const path = data.value;
  const past = path?.tasks.filter(isOver) ?? [];
  const left = path?.tasks.filter((task) => !isOver(task)) ?? [];
  const shown = left.length > 0 ? left : past;
  return (
    <Section title={`${DIAMOND} What ends last`} aside={path ? pathWords(path) : undefined}>
      <Problem error={error.value} />
      {path && path.tasks.length === 0 ? <Empty title="Nothing ran, and nothing is left" /> : null}
      {shown.length > 0 ? (
        <ol class="list" data-path={shown.length}>
          {left.length > 0 && past.length > 0 ? (
            <li class="soft">{plural(past.length, 'task')} before, over</li>
          ) : null}
          {shown.slice(0, SHOWN_MAX).map((task) => (
            <Step key={task.task_id} task={task} />
          ))}
          {shown.length > SHOWN_MAX ? <li class="soft">and {plural(shown.length - SHOWN_MAX, 'more task')}</li> : null}
        </ol>
      ) : null}
    </Section>
  );
}

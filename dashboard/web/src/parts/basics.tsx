// The small parts that every page is made of.
import { signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ApiError } from '../api/client.ts';
import type { Counts } from '../api/types.ts';
import { ago, clock, count, duration, parseTime, plural, stage, utc } from '../base/format.ts';
import { hrefOf } from '../base/router.ts';
import { MEANINGS, SHAPES, STATUSES, STROKED, type Status } from '../base/status.ts';

/** The time that is shown as now; it moves once a second while the page is seen. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

export function Shape({ status }: { status: Status }): JSX.Element {
  return (
    <svg
      class={`shape s-${status} ${STROKED.has(status) ? 'stroked' : ''}`}
      viewBox="0 0 16 16"
      width="13"
      height="13"
      aria-hidden="true"
    >
      <path d={SHAPES[status]} />
    </svg>
  );
}

const PIPELINE_SHAPES: Readonly<Record<string, Status>> = {
  running: 'running',
  paused: 'ready',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

export function StatusWord({ status, title }: { status: Status; title?: string | undefined }): JSX.Element {
  return (
    <span class={`status t-${status}`} title={title ?? MEANINGS[status]}>
      <Shape status={status} />
      {status}
    </span>
  );
}

/** What a task is shown as: `cached` and `ready` are states to a reader, flags to the API. */
export function shownStatus(task: { status: string; cached?: boolean; ready?: boolean }): Status {
  if (task.status === 'completed' && task.cached) return 'cached';
  if (task.status === 'pending' && task.ready) return 'ready';
  return task.status as Status;
}

/** What the API calls it: it knows `cached` and `ready` as flags only. */
export const askedStatus = (status: Status): string =>
  status === 'cached' ? 'completed' : status === 'ready' ? 'pending' : status;

export function PipelineState({ state }: { state: string }): JSX.Element {
  const status = PIPELINE_SHAPES[state] ?? 'pending';
  return (
    <span class={`status t-${status}`}>
      <Shape status={status} />
      {state}
    </span>
  );
}

export type Parts = Readonly<Partial<Record<Status, number>>>;

/** The parts of a pipeline's or a group's bar. */
export function partsOf(counts: Counts & { ready?: number }): Parts {
  const ready = counts.ready ?? 0;
  return {
    completed: counts.completed - counts.cached,
    cached: counts.cached,
    running: counts.running,
    failed: counts.failed,
    skipped: counts.skipped,
    cancelled: counts.cancelled,
    ready,
    pending: Math.max(0, counts.pending - ready),
  };
}

export const wordsOf = (parts: Parts): string =>
  STATUSES.filter((status) => (parts[status] ?? 0) > 0)
    .map((status) => `${count(parts[status])} ${status}`)
    .join(', ');

export function Bar({ parts, label }: { parts: Parts; label?: string }): JSX.Element {
  const whole = STATUSES.reduce((sum, status) => sum + (parts[status] ?? 0), 0);
  let x = 0;
  const pieces =
    whole === 0
      ? []
      : STATUSES.flatMap((status) => {
          const part = parts[status] ?? 0;
          if (part === 0) return [];
          const width = (100 * part) / whole;
          x += width;
          return [<rect key={status} class={`f-${status}`} x={x - width} y="0" width={width} height="10" />];
        });
  const words = (label ? `${label}: ` : '') + (wordsOf(parts) || 'nothing');
  return (
    <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={words}>
      <title>{words}</title>
      <rect class="bar-ground" x="0" y="0" width="100" height="10" />
      {pieces}
    </svg>
  );
}

export function Legend({ parts, hrefFor }: { parts: Parts; hrefFor?: (status: Status) => string }): JSX.Element {
  return (
    <span class="legend">
      {STATUSES.filter((status) => (parts[status] ?? 0) > 0).map((status) => {
        const inner = (
          <>
            <Shape status={status} />
            {count(parts[status])} {status}
          </>
        );
        return hrefFor ? (
          <a key={status} class={`t-${status}`} href={hrefFor(status)} title={MEANINGS[status]}>
            {inner}
          </a>
        ) : (
          <span key={status} class={`t-${status}`} title={MEANINGS[status]}>
            {inner}
          </span>
        );
      })}
    </span>
  );
}

export function When({ time }: { time: string | number | null }): JSX.Element {
  const at = typeof time === 'string' ? parseTime(time) : time || null;
  return (
    <time class="when" title={utc(at)}>
      {clock(at, now.value)}
    </time>
  );
}

export function Ago({ time }: { time: string | number | null }): JSX.Element {
  const at = typeof time === 'string' ? parseTime(time) : time;
  return (
    <time class="when" title={utc(at)}>
      {ago(at, now.value)}
    </time>
  );
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: string | null; to: string | null }): JSX.Element {
  const began = parseTime(from);
  const ended = parseTime(to);
  if (began === null) return <span class="faint">–</span>;
  return <span class="number">{duration(((ended ?? now.value) - began) / 1000)}</span>;
}

export function Copy({ text }: { text: string }): JSX.Element {
  return (
    <button
      type="button"
      class="copy"
      title={`copy ${text}`}
      aria-label={`copy ${text}`}
      onClick={() =>
        void navigator.clipboard?.writeText(text).then(
          () => say(`copied ${text}`),
          () => say('the browser did not let us copy'),
        )
      }
    >
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        <path d="M5 5h8v9H5zM3 11V2h7" />
      </svg>
    </button>
  );
}

export const TaskRef = ({ id }: { id: string }): JSX.Element => (
  <a class="id" href={hrefOf({ page: 'task', id })}>
    {id}
  </a>
);

export function PipelineRef({ id, name }: { id: string; name?: string }): JSX.Element {
  return (
    <a href={hrefOf({ page: 'pipeline', id, tab: 'progress' })} title={id}>
      {name && name !== '' ? name : id}
    </a>
  );
}

export const StageWord = ({ type }: { type: string }): JSX.Element => <span class="stage">{stage(type)}</span>;

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Problem({ error }: { error: ApiError | null }): JSX.Element | null {
  if (!error) return null;
  return (
    <div class="problem" role="alert">
      <Shape status="failed" />
      <span>
        {error.message}
        {error.hint ? <span class="faint"> – {error.hint}</span> : null}
      </span>
    </div>
  );
}

export function Section({
  title,
  aside,
  children,
  kind,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  kind?: string;
}): JSX.Element {
  return (
    <section class={`panel ${kind ?? ''}`}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside ? <span class="aside">{aside}</span> : null}
      </header>
      {children}
    </section>
  );
}

/** One line at the foot of the page that goes by itself. */
export const message = signal<{ text: string; bad: boolean } | null>(null);
let fade: ReturnType<typeof setTimeout> | undefined;
export function say(text: string, bad = false): void {
  message.value = { text, bad };
  clearTimeout(fade);
  fade = setTimeout(
    () => {
      message.value = null;
    },
    bad ? 12_000 : 5000,
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Landseer' : `${title} · Landseer`;
  }, [title]);
}

export const failureWords = (blocks: number): string =>
  blocks === 0 ? 'blocks nothing' : `blocks ${plural(blocks, 'task')}`;

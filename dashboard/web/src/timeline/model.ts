// Attempts as bars in lanes, when work was ready, and the gaps in which a lane was idle meanwhile. Pure.
import type { Attempt, Hit, TaskChange, Timeline } from '../api/types.ts';

export interface Bar {
  attempt: Attempt;
  lane: number;
  from: number;
  /** When the tool began; `to` if it never did. Before that inputs were brought and the image made ready. */
  started: number;
  to: number;
  live: boolean;
}

export interface Lane {
  title: string;
  /** Of the worker, in words for a title. */
  worker: string;
}

export interface Chart {
  lanes: Lane[];
  /** By lane, then by time. */
  bars: Bar[];
  /** What came from the cache, by time: points, in a lane of their own below the others. */
  hits: Hit[];
  from: number;
  to: number;
}

export type By = 'slot' | 'gpu';

interface LaneKey {
  key: string;
  lane: Lane;
}

function laneKeys(attempt: Attempt, by: By): LaneKey[] {
  if (by === 'slot') {
    return [
      {
        key: `${attempt.worker_id} ${attempt.lane}`,
        lane: { title: `${attempt.worker} · ${attempt.lane + 1}`, worker: attempt.worker },
      },
    ];
  }
  return attempt.gpus.map((gpu) => ({
    key: `${attempt.worker_id} ${gpu}`,
    lane: { title: `${attempt.worker} : GPU ${gpu}`, worker: attempt.worker },
  }));
}

/** `now` is the end of what runs. By GPU a bar is in the lane of each GPU it was given. */
export function toChart(timeline: Timeline, by: By, now: number): Chart {
  const indexOf = new Map<string, number>();
  const lanes: Lane[] = [];
  const add = ({ key, lane }: LaneKey): number => {
    let index = indexOf.get(key);
    if (index === undefined) {
      index = lanes.length;
      indexOf.set(key, index);
      lanes.push(lane);
    }
    return index;
  };
  if (by === 'slot') {
    for (const { worker_id, worker, lane } of timeline.lanes)
      add({ key: `${worker_id} ${lane}`, lane: { title: `${worker} · ${lane + 1}`, worker } });
  } else {
    const keys = timeline.attempts.flatMap((one) =>
      laneKeys(one, by).map((key) => ({ ...key, order: `${one.worker} ${one.worker_id}` })),
    );
    keys.sort((a, b) => a.order.localeCompare(b.order, 'en') || a.key.localeCompare(b.key, 'en', { numeric: true }));
    keys.forEach(add);
  }
  const bars: Bar[] = [];
  for (const attempt of timeline.attempts) {
    const to = attempt.finished_ms > 0 ? attempt.finished_ms : Math.max(now, attempt.assigned_ms);
    const started = attempt.started_ms > 0 ? Math.min(attempt.started_ms, to) : to;
    for (const key of laneKeys(attempt, by)) {
      bars.push({ attempt, lane: add(key), from: attempt.assigned_ms, started, to, live: attempt.finished_ms === 0 });
    }
  }
  bars.sort((a, b) => a.lane - b.lane || a.from - b.from);
  const hits = [...timeline.hits].sort((a, b) => a.at_ms - b.at_ms);
  const ends = hits.length > 0 ? [hits[0]!.at_ms, hits[hits.length - 1]!.at_ms] : [];
  const from = bars.reduce((least, bar) => Math.min(least, bar.from), Math.min(...ends, Infinity));
  const to = bars.reduce((most, bar) => Math.max(most, bar.to), Math.max(...ends, -Infinity));
  return { lanes, bars, hits, from: Number.isFinite(from) ? from : now, to: Number.isFinite(to) ? to : now };
}

export type Span = readonly [number, number];

interface Dependencies {
  /** Numbers of tasks, and edges as indices into them. */
  number: ArrayLike<number>;
  from: ArrayLike<number>;
  to: ArrayLike<number>;
}

/**
 * When at least one task was ready and had no attempt: from the end of the last task it depends on to its
 * assignment, and from the end of an attempt to the next one. Worked out from what is known to the page: a
 * task whose inputs came from the cache counts as ready since `submitted`.
 */
export function readySpans(
  graph: Dependencies,
  attempts: readonly Attempt[],
  submitted: number,
  now: number,
  isReadyNow: (index: number) => boolean,
): Span[] {
  const count = graph.number.length;
  const indexOf = new Map<number, number>();
  for (let i = 0; i < count; i += 1) indexOf.set(graph.number[i]!, i);
  const own: Attempt[][] = Array.from({ length: count }, () => []);
  for (const attempt of attempts) own[indexOf.get(Number(attempt.task_id.slice(5))) ?? -1]?.push(attempt);
  const readyAt = new Float64Array(count).fill(submitted);
  for (let e = 0; e < graph.from.length; e += 1) {
    const list = own[graph.from[e]!]!;
    const ended = list.length > 0 ? list[list.length - 1]!.finished_ms : submitted;
    const time = ended > 0 ? ended : Infinity;
    readyAt[graph.to[e]!] = Math.max(readyAt[graph.to[e]!]!, time);
  }
  const spans: [number, number][] = [];
  for (let i = 0; i < count; i += 1) {
    let since = readyAt[i]!;
    for (const attempt of own[i]!) {
      if (attempt.assigned_ms > since) spans.push([since, attempt.assigned_ms]);
      since = attempt.finished_ms > 0 ? attempt.finished_ms : Infinity;
    }
    if (isReadyNow(i) && since < now) spans.push([since, now]);
  }
  return merge(spans);
}

export function merge(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out[out.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

/** Per lane, the parts of `ready` in which it held nothing; `shortest` and less is not shown. */
export function idleGaps(
  chart: Chart,
  ready: readonly Span[],
  shortest: number,
): { lane: number; from: number; to: number }[] {
  const gaps: { lane: number; from: number; to: number }[] = [];
  let at = 0;
  for (let lane = 0; lane < chart.lanes.length; lane += 1) {
    const busy: Span[] = [];
    while (at < chart.bars.length && chart.bars[at]!.lane === lane) {
      busy.push([chart.bars[at]!.from, chart.bars[at]!.to]);
      at += 1;
    }
    let free = chart.from;
    const holes: Span[] = [];
    for (const [from, to] of merge(busy)) {
      if (from > free) holes.push([free, from]);
      free = Math.max(free, to);
    }
    if (chart.to > free) holes.push([free, chart.to]);
    let r = 0;
    for (const [from, to] of holes) {
      while (r < ready.length && ready[r]![1] <= from) r += 1;
      for (let i = r; i < ready.length && ready[i]![0] < to; i += 1) {
        const gap = { lane, from: Math.max(from, ready[i]![0]), to: Math.min(to, ready[i]![1]) };
        if (gap.to - gap.from > shortest) gaps.push(gap);
      }
    }
  }
  return gaps;
}

function applyHits(timeline: Timeline, changes: readonly TaskChange[], now: number): boolean {
  const hits = changes.filter((one) => one.cached);
  if (hits.length === 0) return false;
  const known = new Set(timeline.hits.map((hit) => hit.task_id));
  const fresh = hits.filter((one) => !known.has(one.task_id));
  timeline.hits.push(...fresh.map((one) => ({ task_id: one.task_id, at_ms: one.finished_ms || now })));
  return fresh.length > 0;
}

/** Takes over what events say of attempts; a new one gets the lowest lane of its worker that is free. */
export function applyAttempts(timeline: Timeline, changes: readonly TaskChange[], now: number): boolean {
  let changed = applyHits(timeline, changes, now);
  for (const { last_attempt: seen } of changes) {
    if (!seen) continue;
    const known = timeline.attempts.find((one) => one.task_id === seen.task_id && one.attempt === seen.attempt);
    if (known) {
      changed ||= known.started_ms !== seen.started_ms || known.finished_ms !== seen.finished_ms;
      Object.assign(known, seen, { lane: known.lane });
      continue;
    }
    changed = true;
    const busy = new Set(
      timeline.attempts
        .filter((one) => one.worker_id === seen.worker_id && one.finished_ms === 0)
        .map((one) => one.lane),
    );
    let lane = 0;
    while (busy.has(lane)) lane += 1;
    timeline.attempts.push({ ...seen, lane });
    if (!timeline.lanes.some((one) => one.worker_id === seen.worker_id && one.lane === lane)) {
      timeline.lanes.push({ worker_id: seen.worker_id, worker: seen.worker, lane });
      timeline.lanes.sort((a, b) => a.worker.localeCompare(b.worker, 'en', { numeric: true }) || a.lane - b.lane);
    }
  }
  return changed;
}

/** In the trace event format that chrome://tracing and Perfetto read; times in microseconds from the first. */
export function toTrace(chart: Chart, toolOf: (taskId: string) => string): unknown {
  const workers = [...new Set(chart.lanes.map((lane) => lane.worker))];
  const names = [
    ...workers.map((worker, index) => ({
      ph: 'M',
      name: 'process_name',
      pid: index + 1,
      tid: 0,
      args: { name: worker },
    })),
    ...chart.lanes.map((lane, index) => ({
      ph: 'M',
      name: 'thread_name',
      pid: workers.indexOf(lane.worker) + 1,
      tid: index + 1,
      args: { name: lane.title },
    })),
  ];
  const events = chart.bars.flatMap((bar) => {
    const { attempt } = bar;
    const place = { pid: workers.indexOf(chart.lanes[bar.lane]!.worker) + 1, tid: bar.lane + 1 };
    const args = {
      task: attempt.task_id,
      attempt: attempt.attempt,
      outcome: attempt.outcome ?? 'running',
      gpus: attempt.gpus,
    };
    const made = [];
    if (bar.started > bar.from) {
      made.push({
        ph: 'X',
        name: 'prepare',
        cat: 'transfer',
        ts: (bar.from - chart.from) * 1000,
        dur: (bar.started - bar.from) * 1000,
        ...place,
        args,
      });
    }
    if (bar.to > bar.started) {
      made.push({
        ph: 'X',
        name: toolOf(attempt.task_id),
        cat: 'task',
        ts: (bar.started - chart.from) * 1000,
        dur: (bar.to - bar.started) * 1000,
        ...place,
        args,
      });
    }
    return made;
  });
  const hits = chart.hits.map((hit) => ({
    ph: 'i',
    s: 'g',
    name: `${toolOf(hit.task_id)} from the cache`,
    cat: 'cache',
    ts: (hit.at_ms - chart.from) * 1000,
    pid: 0,
    tid: 0,
    args: { task: hit.task_id },
  }));
  return { displayTimeUnit: 'ms', traceEvents: [...names, ...events, ...hits] };
}

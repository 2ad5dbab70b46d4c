// When what ran where: a lane per slot of a worker, or per GPU.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, get } from '../api/client.ts';
import { listen } from '../api/live.ts';
import type { TaskGraph, Timeline } from '../api/types.ts';
import { duration, parseTime, plural } from '../base/format.ts';
import { outcomeWord } from '../base/outcome.ts';
import { change, go, hrefOf, query } from '../base/router.ts';
import { saveAs } from '../base/save.ts';
import { STATUSES } from '../base/status.ts';
import { palette } from '../graph/colours.ts';
import { useStage } from '../graph/panzoom.ts';
import { applyChanges, numberOf, toGraph, type Graph } from '../graph/tasks.ts';
import { Empty, Problem } from '../parts/basics.tsx';
import { DIAMOND, PathToggle, usePathNumbers } from '../parts/critical.tsx';
import { currentTheme } from '../parts/frame.tsx';
import type { TabProps } from '../pages/pipeline.tsx';
import { AXIS, barAt, drawTimeline, LANE, TIME_LIMITS, type Picture } from './draw.ts';
import { applyAttempts, idleGaps, readySpans, toChart, toTrace, type Bar, type By } from './model.ts';

interface Known {
  timeline: Timeline;
  graph: Graph;
  /** What this machine's clock is ahead of the broker's. */
  skewMs: number;
}

function useTimeline(id: string): { known: Known | null; error: ApiError | null; version: number } {
  const [state, setState] = useState<{ known: Known | null; error: ApiError | null; version: number }>({
    known: null,
    error: null,
    version: 0,
  });
  const known = useRef<Known | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const [timeline, answer] = await Promise.all([
          get<Timeline>(`/pipelines/${id}/timeline`, abort.signal),
          get<TaskGraph>(`/pipelines/${id}/graph?view=tasks`, abort.signal),
        ]);
        known.current = { timeline, graph: toGraph(answer), skewMs: Date.now() - timeline.now_ms };
        setState((before) => ({ known: known.current, error: null, version: before.version + 1 }));
      } catch (error) {
        if (abort.signal.aborted || !(error instanceof ApiError)) return;
        setState((before) => ({ ...before, error }));
        if (error.status !== 404) retry = setTimeout(() => void load(), 3000);
      }
    };
    void load();
    const forget = listen((event) => {
      if (event.topic === 'reset') void load();
      else if (event.tasks?.pipeline_id === id && known.current) {
        const moved = applyAttempts(known.current.timeline, event.tasks.tasks, Date.now() - known.current.skewMs);
        if (applyChanges(known.current.graph, event.tasks.tasks) || moved)
          setState((before) => ({ ...before, version: before.version + 1 }));
      }
    });
    return () => {
      abort.abort();
      clearTimeout(retry);
      forget();
    };
  }, [id]);
  return state;
}

function Tip({ bar, picture, x, y }: { bar: Bar; picture: Picture; x: number; y: number }): JSX.Element {
  const { attempt } = bar;
  return (
    <div class="tip" style={{ left: `${x + 14}px`, top: `${y + 14}px` }}>
      <b>{picture.toolName(attempt.task_id)}</b>
      <div class="soft">
        {attempt.task_id}, attempt {attempt.attempt}, {outcomeWord(attempt.outcome)}
        {picture.path?.(attempt.task_id) ? `, ${DIAMOND} ends last` : ''}
      </div>
      <div class="number">
        prepared {duration((bar.started - bar.from) / 1000)}, ran {duration((bar.to - bar.started) / 1000)}
      </div>
      {attempt.gpus.length > 0 ? <div>GPU {attempt.gpus.join(', ')}</div> : null}
    </div>
  );
}

function Canvas({ known, version, by, pipeline }: { known: Known; version: number; by: By } & TabProps): JSX.Element {
  const running = pipeline.finished_at === null;
  const [tick, setTick] = useState(0);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setTick((n) => n + 1), known.timeline.attempts.length > 5000 ? 5000 : 1000);
    return () => clearInterval(timer);
  }, [running]);
  const [tip, setTip] = useState<{ bar: Bar; x: number; y: number } | null>(null);
  const colours = useMemo(palette, [currentTheme.value]);
  const numbers = usePathNumbers(pipeline.pipeline_id);
  const path = useMemo(() => numbers && new Set(numbers), [numbers]);
  const picture = useMemo<Picture>(() => {
    const time = Date.now() - known.skewMs;
    const { graph, timeline } = known;
    const chart = toChart(timeline, by, time);
    if (running) chart.to = Math.max(chart.to, time); // also while nothing runs
    const submitted = parseTime(pipeline.submitted_at) ?? chart.from;
    const ready = readySpans(
      graph,
      timeline.attempts,
      submitted,
      time,
      (index) => STATUSES[graph.state[index]!] === 'ready',
    );
    const shortest = Math.max(200, (chart.to - chart.from) / 2000);
    const toolIndex = (taskId: string): number => graph.tool[graph.at.get(numberOf(taskId)) ?? -1] ?? 0;
    return {
      chart,
      ready,
      gaps: idleGaps(chart, ready, shortest),
      toolIndex,
      toolName: (taskId) => graph.tools[toolIndex(taskId)] ?? taskId,
      picked: query.value['sel'] ?? '',
      path: path && ((taskId) => path.has(numberOf(taskId))),
      hovered: null,
    };
  }, [known, version, by, tick, query.value['sel'], pipeline.submitted_at, path]);
  const { chart } = picture;
  const length = Math.max(1000, chart.to - chart.from);
  const rows = chart.lanes.length + (chart.hits.length > 0 ? 1 : 0);
  const height = Math.max(150, AXIS + rows * LANE + 42);
  const stageRef = useRef<{ redraw: () => void } | null>(null);
  const at = useRef<Bar | null>(null);
  const stage = useStage(
    {
      axis: 'x',
      // The names of the lanes cover the left edge: the drawing begins beside them.
      bounds: { left: -length * 0.16, top: 0, right: length * 1.02, bottom: 1 },
      limits: TIME_LIMITS,
      margin: 0,
      draw: (context, view, width, room) =>
        drawTimeline(context, { ...picture, hovered: at.current }, { ...view, ty: 0 }, width, room, colours),
      hover: (view, x, y) => {
        const bar = barAt(chart, { ...view, ty: 0 }, x, y);
        if (bar === at.current && bar === null) return;
        at.current = bar;
        setTip(bar ? { bar, x, y } : null);
        stageRef.current?.redraw();
      },
      leave: () => {
        at.current = null;
        setTip(null);
        stageRef.current?.redraw();
      },
      click: (view, x, y) => {
        const bar = barAt(chart, { ...view, ty: 0 }, x, y);
        if (!bar) change({ sel: null });
        else if (bar.attempt.task_id === query.value['sel'])
          go({ page: 'task', id: bar.attempt.task_id }, { attempt: String(bar.attempt.attempt) });
        else change({ sel: bar.attempt.task_id });
      },
    },
    'at',
  );
  stageRef.current = stage;
  useEffect(() => stage.redraw());
  const gapMs = picture.gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  const selected = query.value['sel'];
  return (
    <>
      <div class="chart">
        <canvas
          ref={stage.canvas}
          tabIndex={0}
          role="img"
          data-ready="1"
          data-lanes={chart.lanes.length}
          data-bars={chart.bars.length}
          data-hits={chart.hits.length}
          data-path={path ? chart.bars.filter((bar) => path.has(numberOf(bar.attempt.task_id))).length : undefined}
          style={{ height: `${height}px` }}
          aria-label={`${plural(chart.bars.length, 'attempt')} in ${plural(chart.lanes.length, 'lane')}`}
        />
        <div class="chart-tools">
          <button
            type="button"
            class="button small"
            onClick={() => stage.zoom(1.5)}
            aria-label="closer"
            title="closer (+)"
          >
            +
          </button>
          <button
            type="button"
            class="button small"
            onClick={() => stage.zoom(1 / 1.5)}
            aria-label="farther"
            title="farther (−)"
          >
            −
          </button>
          <button type="button" class="button small" onClick={() => stage.reset()} title="everything (0)">
            all
          </button>
        </div>
        {tip ? <Tip bar={tip.bar} picture={picture} x={tip.x} y={tip.y} /> : null}
      </div>
      <p class="subtitle">
        <span>
          Hatched: inputs brought and image made ready. Frame: from the cache. Red foot and cross: failed or lost.
          Tinted: the lane was idle while work was ready
          {gapMs > 0 ? <>, {duration(gapMs / 1000)} in all</> : ', never'}.
        </span>
        {selected ? (
          <span>
            chosen{' '}
            <a class="id" href={hrefOf({ page: 'task', id: selected })}>
              {selected}
            </a>
            ; click it again to open it
          </span>
        ) : null}
      </p>
    </>
  );
}

export function TimelineTab({ pipeline }: TabProps): JSX.Element {
  const { known, error, version } = useTimeline(pipeline.pipeline_id);
  const wanted: By = query.value['by'] === 'gpu' ? 'gpu' : 'slot';
  const hasGpus = known?.timeline.attempts.some((one) => one.gpus.length > 0) ?? false;
  const save = (): void => {
    if (!known) return;
    const chart = toChart(known.timeline, wanted, Date.now() - known.skewMs);
    const { graph } = known;
    const tool = (taskId: string): string =>
      graph.tools[graph.tool[graph.at.get(numberOf(taskId)) ?? -1] ?? -1] ?? taskId;
    saveAs(`${pipeline.pipeline_id}-trace.json`, 'application/json', JSON.stringify(toTrace(chart, tool)));
  };
  const cached = pipeline.cached;
  return (
    <>
      <div class="toolbar">
        <div class="choice" role="group" aria-label="lanes">
          <button
            type="button"
            class="button"
            aria-pressed={wanted === 'slot'}
            onClick={() => change({ by: null, at: null })}
          >
            lane per slot
          </button>
          <button
            type="button"
            class="button"
            aria-pressed={wanted === 'gpu'}
            disabled={!hasGpus}
            title={hasGpus ? '' : 'no task of this pipeline was given a GPU'}
            onClick={() => change({ by: 'gpu', at: null })}
          >
            lane per GPU
          </button>
        </div>
        {cached > 0 ? (
          <a
            class="t-cached"
            href={hrefOf({ page: 'pipeline', id: pipeline.pipeline_id, tab: 'tasks' }, { status: 'completed' })}
          >
            {plural(cached, 'task')} came from the cache and took no time
          </a>
        ) : null}
        <span class="spring" />
        <PathToggle />
        <button
          type="button"
          class="button"
          disabled={!known}
          onClick={save}
          title="for chrome://tracing or ui.perfetto.dev"
        >
          Save as trace
        </button>
      </div>
      <Problem error={error} />
      {known && known.timeline.attempts.length + known.timeline.hits.length === 0 ? (
        <section class="panel">
          <Empty title="Nothing has run yet">
            <p>Bars appear here as soon as a worker takes a task.</p>
          </Empty>
        </section>
      ) : null}
      {known && known.timeline.attempts.length + known.timeline.hits.length > 0 ? (
        <Canvas key={wanted} known={known} version={version} by={wanted} pipeline={pipeline} />
      ) : null}
      {!known && !error ? <p class="boot">Loading…</p> : null}
    </>
  );
}

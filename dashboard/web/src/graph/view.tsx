// The graph of a pipeline: grouped by stage and tool at first, every task on a canvas when expanded.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ApiError, get } from '../api/client.ts';
import { listen } from '../api/live.ts';
import { useResource } from '../api/resource.ts';
import type { GroupGraph, TaskGraph } from '../api/types.ts';
import { count, plural, stage } from '../base/format.ts';
import { change, go, hrefOf, query } from '../base/router.ts';
import { STATUSES } from '../base/status.ts';
import { Empty, Legend, partsOf, Problem, Shape, StatusWord, TaskRef } from '../parts/basics.tsx';
import { DIAMOND, isPathShown, PathToggle, pathWords, useCriticalPath, usePathNumbers } from '../parts/critical.tsx';
import { currentTheme } from '../parts/frame.tsx';
import type { TabProps } from '../pages/pipeline.tsx';
import { palette } from './colours.ts';
import { drawGraph, graphBounds, GRAPH_LIMITS, taskAt, type Marks } from './draw.ts';
import { groupKey, Groups } from './group_view.tsx';
import { useStage } from './panzoom.ts';
import { applyChanges, family, numberOf, toGraph, type Graph } from './tasks.ts';

/** The whole graph: fetched once, and again after a gap in the events. */
function useGraph(
  id: string,
  onChange: () => void,
): { graph: Graph | null; error: ApiError | null; layoutMs: number } {
  const [state, setState] = useState<{ graph: Graph | null; error: ApiError | null; layoutMs: number }>({
    graph: null,
    error: null,
    layoutMs: 0,
  });
  const graph = useRef<Graph | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const answer = await get<TaskGraph>(`/pipelines/${id}/graph?view=tasks`, abort.signal);
        const began = performance.now();
        graph.current = toGraph(answer);
        const layoutMs = performance.now() - began;
        performance.measure('landseer-layout', { start: began, duration: layoutMs });
        setState({ graph: graph.current, error: null, layoutMs });
      } catch (error) {
        if (abort.signal.aborted || !(error instanceof ApiError)) return;
        setState({ graph: graph.current, error, layoutMs: 0 });
        if (error.status !== 404) retry = setTimeout(() => void load(), 3000);
      }
    };
    void load();
    const forget = listen((event) => {
      if (event.topic === 'reset') void load();
      else if (event.tasks?.pipeline_id === id && graph.current && applyChanges(graph.current, event.tasks.tasks))
        onChange();
    });
    return () => {
      abort.abort();
      clearTimeout(retry);
      forget();
    };
  }, [id]);
  return state;
}

function TaskCard({ graph, index }: { graph: Graph; index: number }): JSX.Element {
  const status = STATUSES[graph.state[index]!]!;
  const id = `task_${graph.number[index]}`;
  const related = useMemo(() => family(graph, index).size - 1, [graph, index]);
  return (
    <div class="card" role="status">
      <button
        type="button"
        class="icon-button card-close"
        aria-label="end the selection"
        onClick={() => change({ sel: null })}
      >
        ✕
      </button>
      <b class="break">{graph.tools[graph.tool[index]!]}</b>
      <div>
        <StatusWord status={status} /> <span class="stage">{stage(graph.types[graph.type[index]!])}</span>
      </div>
      <div class="soft">
        <TaskRef id={id} />, in {plural(graph.usage[index]!, 'workflow')}, {plural(related, 'related task')}
      </div>
      <button type="button" class="button small" onClick={() => go({ page: 'task', id })}>
        open
      </button>
    </div>
  );
}

function TaskCanvas({ id, group }: { id: string; group: string }): JSX.Element {
  const note = useRef<HTMLSpanElement>(null);
  const hovered = useRef(-1);
  const [tip, setTip] = useState<{ index: number; x: number; y: number } | null>(null);
  const stageRef = useRef<{ redraw: () => void } | null>(null);
  const { graph, error } = useGraph(id, () => stageRef.current?.redraw());
  const selected = query.value['sel'] ?? '';
  const picked = graph && selected !== '' ? (graph.at.get(numberOf(selected)) ?? -1) : -1;
  const related = useMemo(() => (graph && picked >= 0 ? family(graph, picked) : null), [graph, picked]);
  const numbers = usePathNumbers(id);
  const path = useMemo(
    () => graph && numbers && numbers.map((number) => graph.at.get(number) ?? -1).filter((index) => index >= 0),
    [graph, numbers],
  );
  const colours = useMemo(palette, [currentTheme.value]);
  const chosen = useMemo(() => {
    if (!graph || group === '') return null;
    return (index: number): boolean =>
      `${graph.types[graph.type[index]!]}/${graph.tools[graph.tool[index]!]}` === group;
  }, [graph, group]);

  const stageNow = useStage(
    {
      axis: 'y',
      bounds: graph ? graphBounds(graph) : { left: 0, top: 0, right: 1, bottom: 1 },
      limits: GRAPH_LIMITS,
      margin: 24,
      draw: (context, view, width, height, moving) => {
        if (!graph) return;
        const marks: Marks = { hovered: hovered.current, picked, family: related, chosen, path };
        const all = drawGraph(context, graph, view, width, height, moving, colours, marks);
        if (note.current && !moving) {
          note.current.textContent =
            `${count(graph.number.length)} tasks, ${count(graph.from.length)} dependencies. ` +
            (all
              ? 'Drag to move, wheel to zoom, with Shift across.'
              : 'Come closer, or click a task, to see dependencies.');
        }
      },
      hover: (view, x, y) => {
        const index = graph ? taskAt(graph, view, x, y) : -1;
        if (index === hovered.current && index === -1) return;
        hovered.current = index;
        setTip(index === -1 ? null : { index, x, y });
        stageRef.current?.redraw();
      },
      leave: () => {
        hovered.current = -1;
        setTip(null);
        stageRef.current?.redraw();
      },
      click: (view, x, y) => {
        const index = graph ? taskAt(graph, view, x, y) : -1;
        change({ sel: index === -1 ? null : `task_${graph!.number[index]}` });
      },
    },
    'view',
  );
  stageRef.current = stageNow;
  useEffect(() => stageNow.redraw());

  if (graph && graph.number.length === 0) return <Empty title="This pipeline has no tasks" />;
  return (
    <>
      <Problem error={error} />
      <div class="chart tall">
        <canvas
          ref={stageNow.canvas}
          tabIndex={0}
          role="img"
          data-ready={graph ? '1' : undefined}
          data-path={path?.length}
          aria-label="all tasks in layers; the tab Tasks has the same as a table"
        />
        <div class="chart-tools">
          <button
            type="button"
            class="button small"
            onClick={() => stageNow.zoom(1.5)}
            aria-label="closer"
            title="closer (+)"
          >
            +
          </button>
          <button
            type="button"
            class="button small"
            onClick={() => stageNow.zoom(1 / 1.5)}
            aria-label="farther"
            title="farther (−)"
          >
            −
          </button>
          <button type="button" class="button small" onClick={() => stageNow.reset()} title="everything (0)">
            all
          </button>
        </div>
        {graph && picked >= 0 ? <TaskCard graph={graph} index={picked} /> : null}
        {graph && tip ? (
          <div class="tip" style={{ left: `${tip.x + 14}px`, top: `${tip.y + 14}px` }}>
            <Shape status={STATUSES[graph.state[tip.index]!]!} /> <b>{graph.tools[graph.tool[tip.index]!]}</b>
            <div class="soft">
              task_{graph.number[tip.index]}, {STATUSES[graph.state[tip.index]!]}
              {path?.includes(tip.index) ? `, ${DIAMOND} ends last` : ''}
            </div>
          </div>
        ) : null}
        <span ref={note} class="chart-note">
          {graph ? '' : 'Loading…'}
        </span>
      </div>
    </>
  );
}

export function GraphTab({ pipeline }: TabProps): JSX.Element {
  const id = pipeline.pipeline_id;
  const whole = query.value['as'] === 'tasks';
  const picked = query.value['group'] ?? '';
  const { data, error } = useResource<GroupGraph>(
    whole ? null : `/pipelines/${id}/graph?view=groups`,
    ['tasks'],
    1500,
  );
  const path = useCriticalPath(id, !whole && isPathShown());
  const node = data.value?.nodes.find((one) => groupKey(one) === picked);
  return (
    <>
      <div class="toolbar">
        <div class="choice" role="group" aria-label="what is shown">
          <button
            type="button"
            class="button"
            aria-pressed={!whole}
            onClick={() => change({ as: null, view: null, sel: null }, true)}
          >
            by stage and tool
          </button>
          <button type="button" class="button" aria-pressed={whole} onClick={() => change({ as: 'tasks' }, true)}>
            every task
          </button>
        </div>
        {picked !== '' ? (
          <span class="soft">
            chosen: <b class="break">{picked.slice(picked.indexOf('/') + 1)}</b>
            {node ? (
              <>
                {' '}
                <a href={hrefOf({ page: 'pipeline', id, tab: 'tasks' }, { tool: node.tool, type: node.type })}>
                  list its {plural(node.total, 'task')}
                </a>
              </>
            ) : null}
            {!whole ? (
              <>
                {' '}
                <a href={hrefOf({ page: 'pipeline', id, tab: 'graph' }, { as: 'tasks', group: picked })}>
                  show it among all tasks
                </a>
              </>
            ) : null}{' '}
            <button type="button" class="button small" onClick={() => change({ group: null })}>
              end
            </button>
          </span>
        ) : null}
        <PathToggle />
        {path ? <span class="soft">{pathWords(path)}</span> : null}
        <span class="spring" />
        <Legend parts={partsOf(pipeline)} />
      </div>
      <Problem error={error.value} />
      {whole ? <TaskCanvas id={id} group={picked} /> : null}
      {!whole && data.value && data.value.nodes.length > 0 ? (
        <Groups graph={data.value} picked={picked} path={path && path.tasks.map(groupKey)} />
      ) : null}
      {!whole && data.value?.nodes.length === 0 ? <Empty title="This pipeline has no tasks" /> : null}
      {!whole && !data.value && !error.value ? <p class="boot">Loading…</p> : null}
    </>
  );
}

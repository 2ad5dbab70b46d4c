// One pipeline: its head, and the tab that is chosen.
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { watchPipeline } from '../api/live.ts';
import { useResource } from '../api/resource.ts';
import { session } from '../api/session.ts';
import type { PipelineDetail } from '../api/types.ts';
import { count, duration, percent } from '../base/format.ts';
import { hrefOf, query } from '../base/router.ts';
import { TABS, type Query, type Tab } from '../base/url.ts';
import { ActionButton } from '../parts/actions.tsx';
import {
  Ago,
  askedStatus,
  Bar,
  Copy,
  Empty,
  Legend,
  partsOf,
  PipelineState,
  Problem,
  Took,
  useTitle,
} from '../parts/basics.tsx';
import { later } from '../parts/later.tsx';
import { Progress } from './progress.tsx';

export interface TabProps {
  pipeline: PipelineDetail;
}

const VIEWS: Readonly<Record<Tab, ComponentType<TabProps>>> = {
  progress: Progress,
  graph: later(() => import('../graph/view.tsx').then((part) => part.GraphTab)),
  timeline: later(() => import('../timeline/view.tsx').then((part) => part.TimelineTab)),
  tasks: later(() => import('./tasks.tsx').then((part) => part.TasksTab)),
  results: later(() => import('../results/view.tsx').then((part) => part.ResultsTab)),
  events: later(() => import('./events.tsx').then((part) => part.EventsTab)),
};

function Actions({ pipeline }: { pipeline: PipelineDetail }): JSX.Element {
  const at = `/pipelines/${pipeline.pipeline_id}`;
  const over = pipeline.finished_at !== null;
  const retriable = pipeline.failed + pipeline.cancelled > 0;
  return (
    <div class="head-actions">
      {pipeline.state === 'paused' ? (
        <ActionButton
          action={{
            word: 'Resume',
            path: `${at}/resume`,
            title: `Resume ${pipeline.name}?`,
            text: 'Its ready tasks may start again.',
          }}
        />
      ) : (
        <ActionButton
          disabled={over}
          action={{
            word: 'Pause',
            path: `${at}/pause`,
            title: `Pause ${pipeline.name}?`,
            text: `Nothing new of it starts. ${count(pipeline.running)} running tasks go on to their end.`,
          }}
        />
      )}
      <ActionButton
        disabled={!retriable}
        action={{
          word: 'Retry',
          path: `${at}/retry`,
          title: `Retry what failed in ${pipeline.name}?`,
          text:
            `${count(pipeline.failed)} failed tasks are pending again, with the ` +
            `${count(pipeline.skipped)} that were skipped because of them.`,
        }}
      />
      {session.value?.actions?.includes('priority') ? (
        <ActionButton
          disabled={over}
          action={{
            word: 'Priority',
            path: `${at}/priority`,
            title: `Priority of ${pipeline.name}`,
            text: 'Pipelines with a higher number go first. What runs is not interrupted.',
            number: { name: 'priority', label: 'Priority', value: pipeline.priority },
          }}
        />
      ) : null}
      <ActionButton
        disabled={over}
        action={{
          word: 'Cancel',
          path: `${at}/cancel`,
          title: `Cancel ${pipeline.name}?`,
          destructive: true,
          text:
            `${count(pipeline.pending)} pending tasks end at once, and ${count(pipeline.running)} ` +
            'running ones are stopped. What is completed stays.',
        }}
      />
    </div>
  );
}

/** A chosen task stays chosen in the other views that show tasks. */
function shared(tab: Tab): Query {
  const sel = query.value['sel'] ?? '';
  if (!sel.startsWith('task_')) return {};
  if (tab === 'graph') return { as: 'tasks', sel };
  return tab === 'timeline' || tab === 'tasks' ? { sel } : {};
}

export function Pipeline({ id, tab }: { id: string; tab: Tab }): JSX.Element {
  const { data, error } = useResource<PipelineDetail>(`/pipelines/${id}`, ['pipelines', 'tasks', 'workers']);
  useEffect(() => {
    watchPipeline(id);
    return () => watchPipeline(null);
  }, [id]);
  const pipeline = data.value;
  useTitle(pipeline ? `${pipeline.name || id} – ${tab}` : id);
  if (!pipeline) {
    if (error.value?.status === 404) {
      return (
        <Empty title={`There is no ${id}`}>
          <p>
            It may have been forgotten after its time. See <a href="/p">all pipelines</a>.
          </p>
        </Empty>
      );
    }
    return (
      <>
        <Problem error={error.value} />
        {error.value ? null : <p class="boot">Loading…</p>}
      </>
    );
  }
  const parts = partsOf(pipeline);
  const ended = pipeline.total - pipeline.pending - pipeline.running;
  const View = VIEWS[tab];
  return (
    <>
      <div class="page-head">
        <div class="titles">
          <h1>{pipeline.name || id}</h1>
          <div class="subtitle">
            <PipelineState state={pipeline.state} />
            <span class="nowrap">
              <span class="id">{id}</span>
              <Copy text={id} />
            </span>
            {pipeline.dataset ? <span class="break">data {pipeline.dataset}</span> : null}
            <span>policy {pipeline.policy}</span>
            {pipeline.priority !== 0 ? <span>priority {pipeline.priority}</span> : null}
            <span>
              submitted <Ago time={pipeline.submitted_at} />
            </span>
            <span>
              {pipeline.finished_at ? 'took' : 'so far'}{' '}
              <Took from={pipeline.submitted_at} to={pipeline.finished_at} />
            </span>
          </div>
        </div>
        <Actions pipeline={pipeline} />
      </div>
      <Bar parts={parts} label={`${count(ended)} of ${count(pipeline.total)} done`} />
      <div class="subtitle">
        <span class="number">
          {count(ended)} of {count(pipeline.total)} done ({percent(ended, pipeline.total)})
        </span>
        {pipeline.eta_seconds !== null && !pipeline.finished_at ? (
          <span>about {duration(pipeline.eta_seconds)} to go</span>
        ) : null}
        <Legend
          parts={parts}
          hrefFor={(status) => hrefOf({ page: 'pipeline', id, tab: 'tasks' }, { status: askedStatus(status) })}
        />
      </div>
      <nav class="tabs" role="tablist" aria-label="views of this pipeline">
        {TABS.map((one, index) => (
          <a
            key={one}
            role="tab"
            aria-selected={one === tab}
            href={hrefOf({ page: 'pipeline', id, tab: one }, shared(one))}
            title={`key ${index + 1}`}
          >
            {one[0]!.toUpperCase() + one.slice(1)}
            {one === 'progress' && pipeline.failures.length > 0 ? (
              <span class="bad"> ({pipeline.failures.length})</span>
            ) : null}
          </a>
        ))}
      </nav>
      <Problem error={error.value} />
      <View pipeline={pipeline} />
    </>
  );
}

// One task: why it is where it is, its attempts and their logs, what it needs, and what its key is made of.
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { watchPipeline } from '../api/live.ts';
import { useResource } from '../api/resource.ts';
import type { Explanation, PastAttempt, TaskDetail, TaskLink } from '../api/types.ts';
import { bytes, count, duration, metric, middle, plural, sentence, shortReason } from '../base/format.ts';
import { outcomeKind, outcomeWord } from '../base/outcome.ts';
import { change, query } from '../base/router.ts';
import { ActionButton } from '../parts/actions.tsx';
import {
  Ago,
  Copy,
  Empty,
  PipelineRef,
  Problem,
  Section,
  shownStatus,
  StageWord,
  StatusWord,
  TaskRef,
  Took,
  useTitle,
  When,
} from '../parts/basics.tsx';
import { Log } from '../parts/log.tsx';

const OUTCOME_CLASSES = { running: 't-running', good: 't-completed', bad: 't-failed', neutral: 't-cancelled' };

function Attempts({ history, chosen }: { history: readonly PastAttempt[]; chosen: number }): JSX.Element {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>attempt</th>
            <th>worker</th>
            <th>outcome</th>
            <th>started</th>
            <th class="number">waited</th>
            <th class="number">ran</th>
            <th class="number">CPU</th>
            <th class="number">memory</th>
            <th>
              <span class="hidden">log</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {[...history].reverse().map((one) => (
            <tr key={one.attempt}>
              <td class="number">{one.attempt}</td>
              <td class="break">
                {one.worker ?? '–'}
                {one.gpus.length > 0 ? <span class="faint"> GPU {one.gpus.join(', ')}</span> : null}
              </td>
              <td class="break">
                {one.outcome === null ? (
                  <StatusWord status="running" />
                ) : (
                  <span class={OUTCOME_CLASSES[outcomeKind(one.outcome)]} title={one.reason ?? ''}>
                    {one.reason ? shortReason(one.reason, 120) : outcomeWord(one.outcome)}
                  </span>
                )}
              </td>
              <td>
                <When time={one.started_at ?? one.assigned_at} />
              </td>
              <td class="number">
                <Took from={one.assigned_at} to={one.started_at} />
              </td>
              <td class="number">
                <Took from={one.started_at} to={one.finished_at} />
              </td>
              <td class="number">{one.cpu_seconds > 0 ? duration(one.cpu_seconds) : '–'}</td>
              <td class="number">
                {one.memory_peak_bytes > 0 ? bytes(one.memory_peak_bytes) : '–'}
                {one.gpu_memory_peak_bytes > 0 ? (
                  <span class="faint"> GPU {bytes(one.gpu_memory_peak_bytes)}</span>
                ) : null}
              </td>
              <td>
                <button
                  type="button"
                  data-row
                  class="button small"
                  aria-pressed={one.attempt === chosen}
                  onClick={() => change({ attempt: String(one.attempt) })}
                >
                  log
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Links({ links, none }: { links: readonly TaskLink[]; none: string }): JSX.Element {
  if (links.length === 0) return <p class="panel-body soft">{none}</p>;
  return (
    <div class="table-wrap">
      <table>
        <tbody>
          {links.slice(0, 200).map((one) => (
            <tr key={one.task_id}>
              <td>
                <TaskRef id={one.task_id} />
              </td>
              <td class="break">{one.tool}</td>
              <td>
                <StageWord type={one.type} />
              </td>
              <td>
                <StatusWord status={one.status} />
              </td>
              <td class="number">{one.artifact ? bytes(one.artifact_bytes) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {links.length > 200 ? <p class="panel-body soft">and {count(links.length - 200)} more</p> : null}
    </div>
  );
}

function Explain({ id }: { id: string }): JSX.Element {
  const { data, error } = useResource<Explanation>(`/tasks/${id}/explain`, ['tasks', 'workers'], 2000);
  const told = data.value;
  if (!told)
    return (
      <div class="panel-body">
        {error.value ? <Problem error={error.value} /> : <span class="soft">Loading…</span>}
      </div>
    );
  return (
    <div class="panel-body">
      <p>
        <b class="reason" data-explain>
          {sentence(shortReason(told.summary, 240))}
        </b>
      </p>
      {told.reasons.length > 0 ? (
        <ul>
          {told.reasons.map((one) => (
            <li key={one} class="reason">
              {one}
            </li>
          ))}
        </ul>
      ) : null}
      {told.compared_with ? (
        <p class="soft">
          compared with <TaskRef id={told.compared_with} />
          {told.differs_at && told.differs_at !== id ? (
            <>
              ; what differs begins at <TaskRef id={told.differs_at} />
            </>
          ) : null}
        </p>
      ) : null}
      {told.differences.length > 0 ? (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>ingredient</th>
                <th>here</th>
                <th>there</th>
              </tr>
            </thead>
            <tbody>
              {told.differences.map((one) => (
                <tr key={one.ingredient}>
                  <td class="mono">{one.ingredient}</td>
                  <td class="mono break">{one.here ?? '–'}</td>
                  <td class="mono break">{one.there ?? '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </div>
  );
}

function Facts({ detail }: { detail: TaskDetail }): JSX.Element {
  const { task } = detail;
  const metrics = Object.entries(task.metrics ?? {});
  return (
    <dl class="facts">
      <dt>priority</dt>
      <dd class="number">
        {task.priority}{' '}
        <span class="soft">
          (of {plural(task.dependency_level, 'dependency', 'dependencies')}, used by{' '}
          {plural(task.usage_counter, 'workflow')})
        </span>
      </dd>
      <dt>image</dt>
      <dd class="mono">{detail.image || '–'}</dd>
      <dt>command</dt>
      <dd class="mono">{detail.command || "the image's own"}</dd>
      <dt>key</dt>
      <dd>
        <span class="mono" title={task.key}>
          {middle(task.key, 24)}
        </span>
        <Copy text={task.key} />
      </dd>
      {task.artifact ? (
        <>
          <dt>artifact</dt>
          <dd>
            <span class="mono" title={task.artifact}>
              {middle(task.artifact, 24)}
            </span>
            <Copy text={task.artifact} /> {bytes(task.artifact_bytes)}
          </dd>
        </>
      ) : null}
      {task.cached_from ? (
        <>
          <dt>cached from</dt>
          <dd>
            <TaskRef id={task.cached_from} />
          </dd>
        </>
      ) : null}
      {task.joined ? (
        <>
          <dt>waits with</dt>
          <dd>
            <TaskRef id={task.joined} />
          </dd>
        </>
      ) : null}
      {metrics.map(([name, value]) => (
        <>
          <dt class="break">{name}</dt>
          <dd class="number">{typeof value === 'number' ? metric(value) : String(value ?? '–')}</dd>
        </>
      ))}
    </dl>
  );
}

export function TaskPage({ id }: { id: string }): JSX.Element {
  const { data, error } = useResource<TaskDetail>(`/tasks/${id}`, ['tasks'], 700);
  const detail = data.value;
  const pipeline = detail?.task.pipeline_id ?? null;
  useEffect(() => {
    if (pipeline === null) return undefined;
    watchPipeline(pipeline);
    return () => watchPipeline(null);
  }, [pipeline]);
  useTitle(detail ? `${id} ${detail.task.tool}` : id);
  if (!detail) {
    if (error.value?.status === 404)
      return (
        <Empty title={`There is no ${id}`}>
          <p>
            See <a href="/p">all pipelines</a>.
          </p>
        </Empty>
      );
    return (
      <>
        <Problem error={error.value} />
        {error.value ? null : <p class="boot">Loading…</p>}
      </>
    );
  }
  const { task } = detail;
  const latest = detail.history.reduce((most, one) => Math.max(most, one.attempt), 0);
  const asked = Number(query.value['attempt'] ?? 0);
  const chosen = detail.history.some((one) => one.attempt === asked) ? asked : latest;
  const attempt = detail.history.find((one) => one.attempt === chosen);
  const over = task.status !== 'pending' && task.status !== 'running';
  return (
    <>
      <div class="page-head">
        <div class="titles">
          <p class="crumbs">
            <PipelineRef id={task.pipeline_id} />
          </p>
          <h1>{task.tool}</h1>
          <div class="subtitle">
            <StatusWord status={shownStatus(task)} />
            <span class="nowrap">
              <span class="id">{id}</span>
              <Copy text={id} />
            </span>
            <StageWord type={task.type} />
            {task.is_baseline ? <span>baseline of its stage</span> : null}
            {task.worker ? <span class="break">on {task.worker}</span> : null}
            {task.started_at ? (
              <span>
                ran <Took from={task.started_at} to={task.finished_at} />
              </span>
            ) : null}
            {task.finished_at ? (
              <span>
                ended <Ago time={task.finished_at} />
              </span>
            ) : null}
          </div>
        </div>
        <div class="head-actions">
          {task.paused === undefined ? null : task.paused ? (
            <ActionButton
              action={{
                word: 'Resume',
                path: `/tasks/${id}/resume`,
                title: `Resume ${id}, ${task.tool}?`,
                text: 'It may start again, unless its tool or its workflows are paused.',
              }}
            />
          ) : (
            <ActionButton
              disabled={over}
              action={{
                word: 'Pause',
                path: `/tasks/${id}/pause`,
                title: `Pause ${id}, ${task.tool}?`,
                text: 'It does not start, nor does what depends on it. If it runs, it goes on to its end.',
              }}
            />
          )}
          <ActionButton
            disabled={task.status !== 'failed' && task.status !== 'cancelled'}
            action={{
              word: 'Retry',
              path: `/tasks/${id}/retry`,
              title: `Retry ${id}, ${task.tool}?`,
              text: 'It is pending again, with what was skipped because of it.',
            }}
          />
          <ActionButton
            disabled={over}
            action={{
              word: 'Cancel',
              path: `/tasks/${id}/cancel`,
              title: `Cancel ${id}, ${task.tool}?`,
              destructive: true,
              text: 'It ends, and what depends on it is skipped.',
            }}
          />
        </div>
      </div>
      <Problem error={error.value} />
      <div class="grid wide">
        <div>
          <Section title="Why">
            <Explain id={id} />
          </Section>
          <Section title="Attempts" aside={plural(detail.history.length, 'attempt')}>
            {detail.history.length > 0 ? (
              <Attempts history={detail.history} chosen={chosen} />
            ) : (
              <Empty title={task.cached ? 'It came from the cache: nothing ran' : 'No attempt yet'} />
            )}
          </Section>
          {chosen > 0 ? (
            <Section title={`Log of attempt ${chosen}`}>
              <Log key={chosen} task={id} attempt={chosen} isLive={attempt?.outcome === null} />
            </Section>
          ) : null}
        </div>
        <div>
          <Section title="Facts">
            <div class="panel-body">
              <Facts detail={detail} />
            </div>
          </Section>
          <Section title="Inputs" aside={plural(detail.inputs.length, 'task')}>
            <Links links={detail.inputs} none="The data set alone." />
          </Section>
          <Section title="Needed by" aside={plural(detail.outputs.length, 'task')}>
            <Links links={detail.outputs} none="Nothing depends on it." />
          </Section>
          <section class="panel">
            <details>
              <summary>Key ingredients: what makes this work the same as other work</summary>
              <pre>{JSON.stringify(detail.key_ingredients, null, 2)}</pre>
            </details>
          </section>
          <section class="panel">
            <details>
              <summary>Config</summary>
              <pre>{JSON.stringify(detail.config, null, 2)}</pre>
            </details>
          </section>
        </div>
      </div>
    </>
  );
}

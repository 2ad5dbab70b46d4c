// The front page answers four questions without a click: is it moving, what failed, why is mine waiting,
// and are the GPUs busy.
import type { JSX } from 'preact';
import { sortedWaiting } from '../base/waiting.ts';
import { lastEventAt } from '../api/live.ts';
import { useResource } from '../api/resource.ts';
import type { Overview as Snapshot, Pipeline } from '../api/types.ts';
import { count, duration, percent, plural, shortReason } from '../base/format.ts';
import { hrefOf } from '../base/router.ts';
import { WaitReason } from '../parts/waiting.tsx';
import {
  Ago,
  Bar,
  Empty,
  failureWords,
  Legend,
  partsOf,
  PipelineRef,
  PipelineState,
  Problem,
  Section,
  Shape,
  StageWord,
  TaskRef,
  Took,
  useTitle,
} from '../parts/basics.tsx';

function Moving({ now }: { now: Snapshot }): JSX.Element {
  const { tasks } = now;
  const ended = tasks.completed + tasks.failed + tasks.skipped + tasks.cancelled;
  const parts = partsOf({ ...tasks, ready: now.ready });
  const etas = now.unfinished.flatMap((one) => (one.eta_seconds === null ? [] : [one.eta_seconds]));
  const idle = now.unfinished.length === 0;
  const word = idle
    ? 'Nothing to do'
    : tasks.running > 0
      ? `Yes, ${plural(tasks.running, 'task')} running`
      : 'No, nothing runs';
  return (
    <section class={`panel answer ${!idle && tasks.running === 0 ? 'alarm' : ''}`}>
      <h2>Is it moving?</h2>
      <p class="big">
        <Shape status={tasks.running > 0 ? 'running' : idle ? 'completed' : 'failed'} />
        {word}
      </p>
      {idle ? null : (
        <>
          <Bar parts={parts} label="tasks of unfinished pipelines" />
          <p class="number">
            {count(ended)} of {count(tasks.total)} done ({percent(ended, tasks.total)})
            {etas.length > 0 ? <>, about {duration(Math.max(...etas))} to go</> : null}
          </p>
        </>
      )}
      <p class="soft">
        {lastEventAt.value === null ? (
          'no change seen yet'
        ) : (
          <>
            last news <Ago time={lastEventAt.value} />
          </>
        )}
      </p>
    </section>
  );
}

function Failed({ now }: { now: Snapshot }): JSX.Element {
  const blocked = now.failures.reduce((sum, one) => sum + one.blocks, 0);
  const live = new Set(now.unfinished.map((one) => one.pipeline_id));
  const some = [...now.failures].sort(
    (a, b) => Number(live.has(b.pipeline_id)) - Number(live.has(a.pipeline_id)) || b.blocks - a.blocks,
  );
  return (
    <section class={`panel answer ${some.length > 0 ? 'alarm' : ''}`}>
      <h2>What failed at the root?</h2>
      <p class="big">
        <Shape status={some.length > 0 ? 'failed' : 'completed'} />
        {some.length === 0 ? 'Nothing' : plural(some.length, 'failure')}
      </p>
      {some.length === 0 ? (
        <p class="soft">no failed task in what is shown below</p>
      ) : (
        <div class="lines">
          <p class="soft">
            {blocked === 0
              ? 'they block nothing'
              : `${plural(blocked, 'task')} skipped because of ${some.length === 1 ? 'it' : 'them'}`}
          </p>
          {some.slice(0, 3).map((one) => (
            <p key={one.task_id} class="line three-lines" title={one.reason ?? ''}>
              <TaskRef id={one.task_id} /> <b>{one.tool}</b> <span class="soft">{failureWords(one.blocks)}:</span>{' '}
              {shortReason(one.reason ?? 'no reason given', 78)}
            </p>
          ))}
          {some.length > 3 ? <p class="soft">and {some.length - 3} more, listed below</p> : null}
        </div>
      )}
    </section>
  );
}

function WhyWaiting({ now }: { now: Snapshot }): JSX.Element {
  const { some, behind } = sortedWaiting(now.waiting);
  const waiting = now.tasks.pending;
  const lack = some.some((one) => one.code === 'resources');
  return (
    <section class="panel answer">
      <h2>Why is mine waiting?</h2>
      <p class="big">
        <Shape status={waiting === 0 ? 'completed' : lack ? 'ready' : 'pending'} />
        {waiting === 0 ? 'Nothing waits' : `${plural(waiting, 'task')} waiting`}
      </p>
      {waiting === 0 ? null : (
        <div class="lines">
          {some.slice(0, 3).map((one) => (
            <p key={one.pipeline_id + one.code + one.tool + one.example} class="line three-lines" title={one.message}>
              <span class="number">{count(one.tasks)}</span> of{' '}
              <a href={hrefOf({ page: 'task', id: one.example })}>
                <b>{one.tool}</b>
              </a>
              : <WaitReason waiting={one} />
            </p>
          ))}
          {some.length > 3 ? (
            <p class="soft">and {plural(some.length - 3, 'more reason')}, on the pages of the pipelines</p>
          ) : null}
          {behind > 0 ? (
            <p class="soft">
              <span class="number">{count(behind)}</span> wait for tasks they depend on
            </p>
          ) : null}
          {some.length === 0 && behind === 0 ? <p class="soft">for tasks that run now</p> : null}
        </div>
      )}
    </section>
  );
}

function Gpus({ now }: { now: Snapshot }): JSX.Element {
  const { gpus, workers } = now;
  const busy = Math.max(0, gpus.total - gpus.free - gpus.faulty);
  const cpusBusy = workers.cpus - workers.cpus_free;
  const alarms = now.alarms.filter((one) => one.code !== 'broker_away');
  const alarm = alarms.length > 0;
  const idleReady = alarms.some((one) => one.code === 'idle_gpus' || one.code === 'idle_cpus');
  const tenth = (value: number): string => String(Math.round(value * 10) / 10);
  return (
    <section class={`panel answer ${alarm ? 'alarm' : ''}`}>
      <h2>Are GPUs idle while work is ready?</h2>
      <p class="big">
        <Shape status={alarm ? 'failed' : 'completed'} />
        {idleReady
          ? 'Yes'
          : gpus.total > 0
            ? `No, ${tenth(busy)} of ${gpus.total} GPUs busy`
            : workers.connected > 0
              ? 'No GPUs here'
              : 'No worker'}
      </p>
      {gpus.total > 0 ? (
        <Bar parts={{ running: busy, failed: gpus.faulty, pending: gpus.free }} label="GPUs" />
      ) : null}
      <p>
        <a href={hrefOf({ page: 'workers' })}>{plural(workers.connected, 'worker')}</a>
        <span class="soft">
          {' '}
          connected of {workers.total}, {tenth(cpusBusy)} of {tenth(workers.cpus)} CPUs in use,{' '}
        </span>
        <span class="number">{count(now.ready)}</span>
        <span class="soft"> ready to run</span>
      </p>
      {alarms.slice(0, 3).map((one) => (
        <p key={one.message} class="line bad">
          {one.message}
        </p>
      ))}
    </section>
  );
}

export function PipelineRows({ pipelines }: { pipelines: readonly Pipeline[] }): JSX.Element {
  return (
    <div class="table-wrap">
      <table class="pipelines">
        <thead>
          <tr>
            <th>pipeline</th>
            <th>state</th>
            <th>progress</th>
            <th class="number">done</th>
            <th class="number">failed</th>
            <th class="number">workflows</th>
            <th class="number">took</th>
            <th class="number">to go</th>
            <th>submitted</th>
          </tr>
        </thead>
        <tbody>
          {pipelines.map((one) => {
            const ended = one.total - one.pending - one.running;
            return (
              <tr key={one.pipeline_id}>
                <td class="break">
                  <a data-row href={hrefOf({ page: 'pipeline', id: one.pipeline_id, tab: 'progress' })}>
                    {one.name || one.pipeline_id}
                  </a>{' '}
                  <span class="faint nowrap">{one.pipeline_id}</span>
                </td>
                <td>
                  <PipelineState state={one.state} />
                </td>
                <td>
                  <Bar parts={partsOf(one)} label={one.pipeline_id} />
                </td>
                <td class="number">
                  {count(ended)} / {count(one.total)}
                </td>
                <td class={`number ${one.failed > 0 ? 'bad' : 'faint'}`}>
                  {one.failed > 0 ? `${count(one.failed)} + ${count(one.skipped)} skipped` : '0'}
                </td>
                <td class="number">
                  {count(one.workflows_completed)} / {count(one.workflows)}
                </td>
                <td class="number">
                  <Took from={one.submitted_at} to={one.finished_at} />
                </td>
                <td class="number">
                  {one.finished_at ? (
                    <span class="faint">–</span>
                  ) : one.eta_seconds === null ? (
                    <span class="faint">unknown</span>
                  ) : (
                    duration(one.eta_seconds)
                  )}
                </td>
                <td>
                  <Ago time={one.submitted_at} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function Overview(): JSX.Element {
  useTitle('');
  const { data, error } = useResource<Snapshot>('/overview', ['pipelines', 'workers', 'broker']);
  const now = data.value;
  if (!now)
    return (
      <>
        <Problem error={error.value} />
        {error.value ? null : <p class="boot">Loading…</p>}
      </>
    );
  const none = now.unfinished.length === 0 && now.recent.length === 0;
  const parts = partsOf({ ...now.tasks, ready: now.ready });
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <Problem error={error.value} />
      <div class="grid four">
        <Moving now={now} />
        <Failed now={now} />
        <WhyWaiting now={now} />
        <Gpus now={now} />
      </div>
      {none ? (
        <Section title="Pipelines">
          <Empty title="No pipeline yet">
            <p>
              Submit one: <code>landseer submit FILE</code>. To try it: <code>deploy/quickstart.sh</code>
            </p>
          </Empty>
        </Section>
      ) : null}
      {now.unfinished.length > 0 ? (
        <Section title="At work" aside={<Legend parts={parts} />}>
          <PipelineRows pipelines={now.unfinished} />
        </Section>
      ) : null}
      {now.recent.length > 0 ? (
        <Section title="Ended lately">
          <PipelineRows pipelines={now.recent} />
        </Section>
      ) : null}
      {now.failures.length > 3 ? (
        <Section title="All failures at the root">
          <ul class="list">
            {now.failures.map((one) => (
              <li key={one.task_id}>
                <div class="line-1">
                  <TaskRef id={one.task_id} />
                  <b class="break">{one.tool}</b>
                  <StageWord type={one.type} />
                  <PipelineRef id={one.pipeline_id} />
                  <span class="soft">{failureWords(one.blocks)}</span>
                  <Ago time={one.finished_at} />
                </div>
                <div class="line-2" title={one.reason ?? ''}>
                  {shortReason(one.reason ?? 'no reason given', 300)}
                </div>
              </li>
            ))}
          </ul>
        </Section>
      ) : null}
    </>
  );
}

// Who computes: hosts, their GPUs, and what runs where.
import type { JSX } from 'preact';
import { useResource } from '../api/resource.ts';
import { session } from '../api/session.ts';
import type { Attempt, Gpu, Worker } from '../api/types.ts';
import { bytes, count, plural } from '../base/format.ts';
import { hrefOf } from '../base/router.ts';
import type { Status } from '../base/status.ts';
import { ActionButton } from '../parts/actions.tsx';
import { Ago, Bar, Copy, Empty, now, Problem, Section, Shape, TaskRef, useTitle, When } from '../parts/basics.tsx';
import { duration } from '../base/format.ts';

const STATE_SHAPES: Readonly<Record<string, Status>> = {
  connected: 'completed',
  silent: 'ready',
  lost: 'failed',
  left: 'cancelled',
  quarantined: 'failed',
  unfit: 'failed',
  draining: 'skipped',
  drained: 'cancelled',
};
const GPU_SHAPES: Readonly<Record<string, Status>> = {
  busy: 'running',
  idle: 'ready',
  faulty: 'failed',
  away: 'cancelled',
};

const WorkerState = ({ state }: { state: string }): JSX.Element => {
  const shape = STATE_SHAPES[state] ?? 'pending';
  return (
    <span class={`status t-${shape}`}>
      <Shape status={shape} />
      {state}
    </span>
  );
};

function Gpus({ gpus }: { gpus: readonly Gpu[] }): JSX.Element {
  return (
    <div class="gpus">
      {gpus.map((one) => {
        const shape = GPU_SHAPES[one.state] ?? 'pending';
        return (
          <div key={`${one.worker_id} ${one.index}`} class={`gpu ${one.state}`}>
            <div class="name">
              <b>
                {one.worker} : {one.index}
              </b>
              <span class={`status t-${shape}`}>
                <Shape status={shape} />
                {one.state}
              </span>
            </div>
            <div class="soft break">{one.model === 'unknown' ? 'model not known' : one.model}</div>
            {one.fault ? <div class="bad break">{one.fault}</div> : null}
            {one.tasks.length > 0 ? (
              <div>
                {one.tasks.slice(0, 4).map((id) => (
                  <>
                    <TaskRef id={id} />{' '}
                  </>
                ))}
                {one.tasks.length > 4 ? `and ${one.tasks.length - 4} more` : ''}
              </div>
            ) : null}
          </div>
        );
      })}
    </div>
  );
}

const cpuParts = (one: Worker): { running: number; pending: number } => ({
  running: Math.max(0, one.slots.cpus - one.slots.cpus_free),
  pending: one.slots.cpus_free,
});

const tenth = (value: number): string => String(Math.round(value * 10) / 10);

export function Workers(): JSX.Element {
  useTitle('Workers');
  const { data, error } = useResource<{ workers: Worker[] }>('/workers', ['workers', 'broker']);
  const gpus = useResource<{ gpus: Gpu[] }>('/gpus', ['workers', 'pipelines'], 1500).data.value?.gpus ?? [];
  const workers = data.value?.workers;
  const busy = gpus.filter((one) => one.state === 'busy').length;
  return (
    <>
      <div class="page-head">
        <div class="titles">
          <h1>Workers and GPUs</h1>
        </div>
      </div>
      <Problem error={error.value} />
      {workers && workers.length === 0 ? (
        <Section title="Workers">
          <Empty title="No worker has come yet">
            <p>
              Start one on any host: <code>landseer-worker --broker tcp://HOST:7710</code>
            </p>
          </Empty>
        </Section>
      ) : null}
      {gpus.length > 0 ? (
        <Section title="GPUs" aside={`${busy} of ${gpus.length} busy`}>
          <Gpus gpus={gpus} />
        </Section>
      ) : null}
      {workers && workers.length > 0 ? (
        <Section
          title="Workers"
          aside={
            gpus.length === 0 ? `${plural(workers.length, 'worker')}, no GPUs` : plural(workers.length, 'worker')
          }
        >
          <div class="table-wrap">
            <table>
              <thead>
                <tr>
                  <th>worker</th>
                  <th>state</th>
                  <th>CPUs</th>
                  <th class="number">in use</th>
                  <th class="number">memory</th>
                  <th class="number">GPUs free</th>
                  <th class="number">running</th>
                  <th class="number">completed</th>
                  <th class="number">failed</th>
                  <th>heard</th>
                </tr>
              </thead>
              <tbody>
                {workers.map((one) => (
                  <tr key={one.worker_id}>
                    <td class="break">
                      <a data-row href={hrefOf({ page: 'worker', id: one.worker_id })}>
                        {one.name}
                      </a>{' '}
                      <span class="faint nowrap">{one.worker_id}</span>
                    </td>
                    <td>
                      <WorkerState state={one.state} />
                      {one.reason ? <div class="faint reason">{one.reason}</div> : null}
                    </td>
                    <td>
                      <Bar parts={cpuParts(one)} label="CPUs" />
                    </td>
                    <td class="number">
                      {tenth(one.slots.cpus - one.slots.cpus_free)} / {tenth(one.slots.cpus)}
                    </td>
                    <td class="number">{bytes(one.slots.memory_bytes)}</td>
                    <td class="number">
                      {one.gpus.length > 0 ? (
                        `${tenth(one.slots.gpus_free)} / ${one.gpus.length}`
                      ) : (
                        <span class="faint">none</span>
                      )}
                    </td>
                    <td class="number">{count(one.running)}</td>
                    <td class="number">{count(one.completed)}</td>
                    <td class={`number ${one.failed > 0 ? 'bad' : 'faint'}`}>{count(one.failed)}</td>
                    <td>
                      <Ago time={one.last_seen_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Section>
      ) : null}
      {!workers && !error.value ? <p class="boot">Loading…</p> : null}
    </>
  );
}

export function WorkerPage({ id }: { id: string }): JSX.Element {
  const { data, error } = useResource<{ worker: Worker; attempts: Attempt[] }>(`/workers/${id}`, [
    'workers',
    'pipelines',
  ]);
  const gpus = (useResource<{ gpus: Gpu[] }>('/gpus', ['workers', 'pipelines'], 1500).data.value?.gpus ?? []).filter(
    (one) => one.worker_id === id,
  );
  const worker = data.value?.worker;
  useTitle(worker ? worker.name : id);
  if (!worker) {
    if (error.value?.status === 404)
      return (
        <Empty title={`There is no ${id}`}>
          <p>
            See <a href="/w">all workers</a>.
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
  const attempts = data.value?.attempts ?? [];
  const drains = worker.state === 'draining' || worker.state === 'drained';
  const may = session.value?.actions?.includes('drain') ?? false;
  return (
    <>
      <div class="page-head">
        <div class="titles">
          <p class="crumbs">
            <a href="/w">Workers</a>
          </p>
          <h1>{worker.name}</h1>
          <div class="subtitle">
            <WorkerState state={worker.state} />
            <span class="nowrap">
              <span class="id">{id}</span>
              <Copy text={id} />
            </span>
            <span>
              heard <Ago time={worker.last_seen_at} />
            </span>
            <span>version {worker.version}</span>
          </div>
          {worker.reason ? <p class="reason bad">{worker.reason}</p> : null}
        </div>
        {may ? (
          <div class="head-actions">
            {drains ? (
              <ActionButton
                action={{
                  word: 'Undrain',
                  path: `/workers/${id}/undrain`,
                  title: `Give ${worker.name} work again?`,
                  text: 'It gets new tasks as before.',
                }}
              />
            ) : (
              <ActionButton
                action={{
                  word: 'Drain',
                  path: `/workers/${id}/drain`,
                  title: `Drain ${worker.name}?`,
                  text: `It gets nothing new; ${count(worker.running)} running tasks go on to their end.`,
                }}
              />
            )}
          </div>
        ) : null}
      </div>
      <Problem error={error.value} />
      <div class="grid wide">
        <div>
          {gpus.length > 0 ? (
            <Section title="GPUs">
              <Gpus gpus={gpus} />
            </Section>
          ) : null}
          <Section title="Running here" aside={plural(attempts.length, 'attempt')}>
            {attempts.length === 0 ? (
              <Empty title="Nothing runs here now" />
            ) : (
              <div class="table-wrap">
                <table>
                  <thead>
                    <tr>
                      <th>task</th>
                      <th class="number">attempt</th>
                      <th>GPUs</th>
                      <th>assigned</th>
                      <th class="number">runs for</th>
                    </tr>
                  </thead>
                  <tbody>
                    {attempts.map((one) => (
                      <tr key={one.task_id}>
                        <td>
                          <TaskRef id={one.task_id} />
                        </td>
                        <td class="number">{one.attempt}</td>
                        <td>{one.gpus.join(', ') || '–'}</td>
                        <td>
                          <When time={one.assigned_ms} />
                        </td>
                        <td class="number">
                          {one.started_ms > 0 ? (
                            duration((now.value - one.started_ms) / 1000)
                          ) : (
                            <span class="soft">gets its inputs</span>
                          )}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Section>
        </div>
        <Section title="Facts">
          <div class="panel-body">
            <dl class="facts">
              <dt>CPUs</dt>
              <dd class="number">
                {tenth(worker.slots.cpus - worker.slots.cpus_free)} of {tenth(worker.slots.cpus)} in use
              </dd>
              <dt>memory</dt>
              <dd>{bytes(worker.slots.memory_bytes)}</dd>
              <dt>GPUs</dt>
              <dd>{worker.gpus.length > 0 ? worker.gpus.join(', ') : 'none'}</dd>
              <dt>attempts</dt>
              <dd class="number">
                {count(worker.completed)} completed, {count(worker.failed)} failed
              </dd>
              <dt>fetched</dt>
              <dd>{bytes(worker.bytes_fetched)} of artifacts, from other workers</dd>
              <dt>runtimes</dt>
              <dd>
                <span class="tags">
                  {worker.runtimes.map((one) => (
                    <span key={one} class="tag">
                      {one}
                    </span>
                  ))}
                </span>
              </dd>
              <dt>data sets</dt>
              <dd>
                <span class="tags">
                  {worker.datasets.map((one) => (
                    <span key={one} class="tag">
                      {one}
                    </span>
                  ))}
                </span>
              </dd>
              <dt>labels</dt>
              <dd>
                <span class="tags">
                  {Object.entries(worker.labels).map(([key, value]) => (
                    <span key={key} class="tag">
                      {key}={value}
                    </span>
                  ))}
                </span>
              </dd>
            </dl>
          </div>
        </Section>
      </div>
    </>
  );
}

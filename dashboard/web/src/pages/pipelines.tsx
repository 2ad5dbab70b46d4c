// All pipelines, newest first, by state.
import type { JSX } from 'preact';
import { useResource } from '../api/resource.ts';
import { withParams } from '../api/client.ts';
import type { PipelinePage } from '../api/types.ts';
import { plural } from '../base/format.ts';
import { change, query } from '../base/router.ts';
import { Empty, Problem, Section, useTitle } from '../parts/basics.tsx';
import { PipelineRows } from './overview.tsx';

const STATES = ['', 'running', 'paused', 'completed', 'failed', 'cancelled'];
const PAGE = 100;

export function Pipelines(): JSX.Element {
  useTitle('Pipelines');
  const state = STATES.includes(query.value['state'] ?? '') ? (query.value['state'] ?? '') : '';
  const offset = Math.max(0, Math.floor(Number(query.value['from'] ?? 0)) || 0);
  const { data, error } = useResource<PipelinePage>(withParams('/pipelines', { state, offset, limit: PAGE }), [
    'pipelines',
  ]);
  const page = data.value;
  return (
    <>
      <div class="page-head">
        <div class="titles">
          <h1>Pipelines</h1>
        </div>
      </div>
      <div class="toolbar">
        <div class="choice" role="group" aria-label="state">
          {STATES.map((one) => (
            <button
              key={one}
              type="button"
              class="button"
              aria-pressed={state === one}
              onClick={() => change({ state: one, from: null })}
            >
              {one === '' ? 'all' : one}
            </button>
          ))}
        </div>
        <span class="soft">{page ? plural(page.total, 'pipeline') : ''}</span>
        <span class="spring" />
        {page && (offset > 0 || page.next_offset !== null) ? (
          <div class="choice">
            <button
              type="button"
              class="button"
              disabled={offset === 0}
              onClick={() => change({ from: String(Math.max(0, offset - PAGE)) }, true)}
            >
              newer
            </button>
            <button
              type="button"
              class="button"
              disabled={page.next_offset === null}
              onClick={() => change({ from: String(page.next_offset) }, true)}
            >
              older
            </button>
          </div>
        ) : null}
      </div>
      <Problem error={error.value} />
      {page && page.pipelines.length === 0 ? (
        <Section title="Pipelines">
          <Empty title={state === '' ? 'No pipeline yet' : `No pipeline is ${state}`}>
            {state === '' ? (
              <p>
                Submit one: <code>landseer submit FILE</code>
              </p>
            ) : null}
          </Empty>
        </Section>
      ) : null}
      {page && page.pipelines.length > 0 ? (
        <section class="panel">
          <PipelineRows pipelines={page.pipelines} />
        </section>
      ) : null}
      {!page && !error.value ? <p class="boot">Loading…</p> : null}
    </>
  );
}

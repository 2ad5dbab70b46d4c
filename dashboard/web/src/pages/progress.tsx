// How far a pipeline is, what failed at the root, and why the rest waits.
import type { JSX } from 'preact';
import type { PipelineDetail, Stage } from '../api/types.ts';
import { count, percent, plural, shortReason, stage as stageWord } from '../base/format.ts';
import { sortedWaiting } from '../base/waiting.ts';
import { hrefOf } from '../base/router.ts';
import { Ago, Bar, Empty, failureWords, Section, StageWord, TaskRef } from '../parts/basics.tsx';
import { WhatEndsLast } from '../parts/critical.tsx';
import { WaitReason } from '../parts/waiting.tsx';
import { ActionButton } from '../parts/actions.tsx';

/** Groups of waiting tasks about which the broker is asked, every few seconds. */
const ASKED_MAX = 8;

const CODES: Readonly<Record<string, string>> = {
  dependencies: 'for other tasks',
  resources: 'for a place',
  joined: 'for the same work elsewhere',
  paused: 'paused',
  retry: 'to be tried again',
};

function StageRow({ stage, id }: { stage: Stage; id: string }): JSX.Element {
  const rest = Math.max(0, stage.total - stage.completed - stage.running - stage.failed);
  return (
    <tr>
      <td>
        <a data-row href={hrefOf({ page: 'pipeline', id, tab: 'tasks' }, { type: stage.type })}>
          {stageWord(stage.type)}
        </a>
      </td>
      <td>
        <Bar
          parts={{ completed: stage.completed, running: stage.running, failed: stage.failed, pending: rest }}
          label={stageWord(stage.type)}
        />
      </td>
      <td class="number">
        {count(stage.completed)} / {count(stage.total)}
      </td>
      <td class="number">{percent(stage.completed, stage.total)}</td>
      <td class={`number ${stage.running > 0 ? 't-running' : 'faint'}`}>{count(stage.running)}</td>
      <td class={`number ${stage.failed > 0 ? 'bad' : 'faint'}`}>{count(stage.failed)}</td>
    </tr>
  );
}

function Failures({ pipeline }: { pipeline: PipelineDetail }): JSX.Element | null {
  const { failures } = pipeline;
  if (failures.length === 0) return null;
  const blocked = failures.reduce((sum, one) => sum + one.blocks, 0);
  return (
    <Section
      title={`Failed at the root: ${plural(failures.length, 'task')}, ${failureWords(blocked)}`}
      kind="alarm"
      aside="first causes only; what was skipped because of them is counted"
    >
      <ul class="list">
        {failures.map((one) => (
          <li key={one.task_id}>
            <div class="line-1">
              <TaskRef id={one.task_id} />
              <b class="break">{one.tool}</b>
              <StageWord type={one.type} />
              <b class="bad">{failureWords(one.blocks)}</b>
              <span class="soft">
                {plural(one.attempts, 'attempt')}
                {one.worker ? <>, last on {one.worker}</> : null}
              </span>
              <Ago time={one.finished_at} />
              <ActionButton
                isSmall
                action={{
                  word: 'Retry',
                  path: `/tasks/${one.task_id}/retry`,
                  title: `Retry ${one.task_id}, ${one.tool}?`,
                  text: `It is pending again, with the ${count(one.blocks)} tasks that were skipped because of it.`,
                }}
              />
            </div>
            <div class="line-2 reason" title={one.reason ?? ''}>
              {shortReason(one.reason ?? 'no reason given', 300)}
            </div>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function Progress({ pipeline }: { pipeline: PipelineDetail }): JSX.Element {
  const { savings } = pipeline;
  const { some, behind } = sortedWaiting(pipeline.waiting);
  const shared = savings.task_instances - savings.tasks;
  return (
    <>
      {pipeline.notices.map((one) => (
        <p key={one} class="notice">
          {one}
        </p>
      ))}
      <Failures pipeline={pipeline} />
      <div class="grid wide">
        <Section
          title="Stages"
          aside={
            <>
              {count(pipeline.workflows_completed)} of {plural(pipeline.workflows, 'workflow')} complete
            </>
          }
        >
          <div class="table-wrap">
            <table>
              <thead>
                <tr>
                  <th>stage</th>
                  <th>progress</th>
                  <th class="number">completed</th>
                  <th class="number">
                    <span class="hidden">share</span>
                  </th>
                  <th class="number">running</th>
                  <th class="number">not done</th>
                </tr>
              </thead>
              <tbody>
                {pipeline.stages.map((one) => (
                  <StageRow key={one.type} stage={one} id={pipeline.pipeline_id} />
                ))}
              </tbody>
            </table>
          </div>
        </Section>
        <div>
          <Section title="Why tasks wait">
            {some.length === 0 && behind === 0 ? (
              <Empty title={pipeline.pending === 0 ? 'Nothing waits' : 'They wait for tasks that run now'} />
            ) : (
              <ul class="list">
                {some.map((one, index) => (
                  <li key={one.code + one.tool + one.example}>
                    <div class="line-1">
                      <b class="number">{plural(one.tasks, 'task')}</b> of <b class="break">{one.tool}</b>
                      <span class="soft">
                        {CODES[one.code] ?? one.code}, as <TaskRef id={one.example} />
                      </span>
                    </div>
                    <div class="line-2">
                      <WaitReason waiting={one} isAsked={index < ASKED_MAX} />
                    </div>
                  </li>
                ))}
                {behind > 0 ? (
                  <li>
                    <b class="number">{plural(behind, 'task')}</b>{' '}
                    <span class="soft">wait for tasks they depend on</span>
                  </li>
                ) : null}
              </ul>
            )}
          </Section>
          <WhatEndsLast id={pipeline.pipeline_id} />
          <Section title="What sharing saves">
            <div class="panel-body">
              <dl class="facts">
                <dt>tasks in all workflows</dt>
                <dd class="number">{count(savings.task_instances)}</dd>
                <dt>distinct ones</dt>
                <dd class="number">
                  {count(savings.tasks)}
                  {shared > 0 ? <span class="good"> ({percent(shared, savings.task_instances)} less)</span> : null}
                </dd>
                <dt>of these from the cache</dt>
                <dd class="number">{count(savings.cached)}</dd>
                <dt>to run</dt>
                <dd class="number">{count(savings.tasks - savings.cached)}</dd>
                {pipeline.last_change_at ? (
                  <>
                    <dt>last change</dt>
                    <dd>
                      <Ago time={pipeline.last_change_at} />
                    </dd>
                  </>
                ) : null}
              </dl>
            </div>
          </Section>
        </div>
      </div>
    </>
  );
}

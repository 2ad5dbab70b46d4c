// The made-up gateway is true to docs/openapi.yaml: every answer that the page tests rest on has the shape
// that is written there. The comparison is made by contract.py, since Node reads no YAML.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { OPTIONS } from './support/browser.mjs';
import { Mock } from './support/mock.mjs';
import { World } from './support/world.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const OPENAPI = process.env.LANDSEER_OPENAPI ?? join(here, '../../docs/openapi.yaml');

function answers() {
  const world = new World();
  world.addGrid({ number: 1, name: 'finished', options: OPTIONS, done: 1 });
  const pipeline = world.addGrid({
    number: 2,
    name: 'running',
    options: [OPTIONS[0], [...OPTIONS[1], 'needs_three']],
    done: 0.5,
    broken: true,
    starved: true,
  });
  const mock = new Mock(world);
  const ask = (path) => mock.get(path.split('?')[0], new URLSearchParams(path.split('?')[1] ?? ''));
  const failed = pipeline.tasks.find((task) => task.status === 'failed').number;
  const made = [
    ['/api/v1/session', '/session'],
    ['/api/v1/overview', '/overview'],
    ['/api/v1/pipelines', '/pipelines'],
    ['/api/v1/pipelines/{pipeline}', '/pipelines/pipeline_2'],
    ['/api/v1/pipelines/{pipeline}/tasks', '/pipelines/pipeline_2/tasks?limit=1000'],
    ['/api/v1/pipelines/{pipeline}/graph', '/pipelines/pipeline_2/graph'],
    ['/api/v1/pipelines/{pipeline}/graph', '/pipelines/pipeline_2/graph?view=tasks'],
    ['/api/v1/pipelines/{pipeline}/critical-path', '/pipelines/pipeline_2/critical-path'],
    ['/api/v1/pipelines/{pipeline}/timeline', '/pipelines/pipeline_2/timeline'],
    ['/api/v1/pipelines/{pipeline}/results', '/pipelines/pipeline_1/results'],
    ['/api/v1/pipelines/{pipeline}/interactions', '/pipelines/pipeline_1/interactions'],
    ['/api/v1/tasks/{task}', `/tasks/task_${failed}`],
    ['/api/v1/tasks/{task}/explain', `/tasks/task_${failed}/explain`],
    ['/api/v1/tasks/{task}/log', `/tasks/task_${failed}/log`],
    ['/api/v1/workers', '/workers'],
    ['/api/v1/workers/{worker}', '/workers/worker_1'],
    ['/api/v1/gpus', '/gpus'],
  ].map(([path, asked]) => ({ path, body: ask(asked) }));
  const events = [
    {
      schema: 'TasksEvent',
      body: { pipeline_id: pipeline.id, tasks: pipeline.tasks.map((task) => world.taskChange(task)) },
    },
    { schema: 'PipelinesEvent', body: { pipelines: [world.pipelineRow(pipeline)], forgotten: [] } },
    { schema: 'HelloEvent', body: { position: 'a-1', resumed: false, broker: { connected: true } } },
    { schema: 'ResetEvent', body: { reason: 'the gateway started anew', position: 'a-1' } },
    { schema: 'ActionResult', body: mock.act(`/tasks/task_${failed}/retry`) },
    { schema: 'ActionResult', body: mock.act('/pipelines/pipeline_2/pause') },
  ];
  return [...made, ...events];
}

test(
  'what the made-up gateway answers has the shapes of docs/openapi.yaml',
  { skip: existsSync(OPENAPI) ? false : `there is no ${OPENAPI}` },
  () => {
    const done = spawnSync('/usr/bin/python3', ['-B', join(here, 'contract.py'), OPENAPI], {
      input: JSON.stringify(answers()),
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    assert.equal(done.status, 0, done.stdout + done.stderr);
  },
);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, TaskChange, Timeline } from '../src/api/types.ts';
import { applyAttempts, idleGaps, merge, readySpans, toChart, toTrace } from '../src/timeline/model.ts';

function attempt(
  task: number,
  lane: number,
  assigned: number,
  started: number,
  finished: number,
  more: Partial<Attempt> = {},
): Attempt {
  return {
    task_id: `task_${task}`,
    attempt: 1,
    worker_id: 'worker_1',
    worker: 'node',
    lane,
    gpus: [],
    assigned_ms: assigned,
    started_ms: started,
    finished_ms: finished,
    outcome: finished > 0 ? 'succeeded' : null,
    ...more,
  };
}

const timeline = (attempts: Attempt[], lanes = 1): Timeline => ({
  now_ms: 1000,
  cached: 0,
  hits: [],
  attempts,
  lanes: Array.from({ length: lanes }, (_, lane) => ({ worker_id: 'worker_1', worker: 'node', lane })),
});

test('what runs ends now, what never started was only prepared', () => {
  const chart = toChart(timeline([attempt(1, 0, 100, 150, 300), attempt(2, 0, 300, 0, 0)]), 'slot', 900);
  assert.deepEqual(
    chart.bars.map(({ from, started, to, live }) => [from, started, to, live]),
    [
      [100, 150, 300, false],
      [300, 900, 900, true],
    ],
  );
  assert.deepEqual([chart.from, chart.to], [100, 900]);
});

test('by GPU, an attempt is in the lane of each GPU it has', () => {
  const chart = toChart(
    timeline([
      attempt(1, 0, 100, 150, 300, { gpus: [0, 10] }),
      attempt(2, 1, 100, 150, 300, { gpus: [2] }),
      attempt(3, 2, 0, 1, 2),
    ]),
    'gpu',
    900,
  );
  assert.deepEqual(
    chart.lanes.map((lane) => lane.title),
    ['node : GPU 0', 'node : GPU 2', 'node : GPU 10'],
  );
  assert.equal(chart.bars.length, 3);
});

test('ready means: inputs are there, and no attempt yet', () => {
  const graph = { number: [1, 2, 3], from: [0, 1], to: [1, 2] };
  const attempts = [attempt(1, 0, 100, 110, 200), attempt(2, 0, 260, 270, 400)];
  assert.deepEqual(
    readySpans(graph, attempts, 50, 1000, (index) => index === 2),
    [
      [50, 100],
      [200, 260],
      [400, 1000],
    ],
  );
  assert.deepEqual(
    readySpans(graph, attempts, 50, 1000, () => false),
    [
      [50, 100],
      [200, 260],
    ],
  );
});

test('a second attempt was ready since the end of the first', () => {
  const graph = { number: [1], from: [], to: [] };
  const attempts = [
    attempt(1, 0, 100, 110, 200, { outcome: 'exit_code' }),
    attempt(1, 0, 300, 310, 0, { attempt: 2 }),
  ];
  assert.deepEqual(
    readySpans(graph, attempts, 100, 1000, () => false),
    [[200, 300]],
  );
});

test('gaps are where a lane held nothing while something was ready', () => {
  const chart = toChart(
    timeline([attempt(1, 0, 100, 100, 200), attempt(2, 0, 400, 400, 500), attempt(3, 1, 100, 100, 500)], 2),
    'slot',
    500,
  );
  assert.deepEqual(
    idleGaps(
      chart,
      [
        [0, 250],
        [300, 350],
        [450, 480],
      ],
      0,
    ),
    [
      { lane: 0, from: 200, to: 250 },
      { lane: 0, from: 300, to: 350 },
    ],
  );
  assert.deepEqual(idleGaps(chart, [[0, 250]], 50), []);
});

test('spans that touch or overlap are one', () => {
  assert.deepEqual(
    merge([
      [5, 6],
      [1, 2],
      [2, 3],
      [1, 4],
    ]),
    [
      [1, 4],
      [5, 6],
    ],
  );
});

test('an event changes the attempt it is about; a new one gets the first free lane', () => {
  const known = timeline([attempt(1, 0, 100, 110, 0)]);
  const event = (last: Attempt): TaskChange => ({
    task_id: last.task_id,
    status: 'running',
    reason: null,
    ready: false,
    attempts: 1,
    worker: 'node',
    cached: false,
    evaluation_skipped: false,
    started_ms: 0,
    finished_ms: 0,
    last_attempt: last,
  });
  assert.equal(applyAttempts(known, [event(attempt(2, 0, 200, 0, 0))], 0), true);
  assert.equal(known.attempts[1]!.lane, 1);
  assert.equal(applyAttempts(known, [event(attempt(1, 0, 100, 110, 300))], 0), true);
  assert.equal(applyAttempts(known, [event(attempt(1, 0, 100, 110, 300))], 0), false);
  assert.equal(applyAttempts(known, [event(attempt(3, 0, 300, 0, 0))], 0), true);
  assert.deepEqual(
    known.attempts.map((one) => [one.task_id, one.lane]),
    [
      ['task_1', 0],
      ['task_2', 1],
      ['task_3', 0],
    ],
  );
  assert.equal(known.lanes.length, 2);
});

test('the trace has a process per worker, a thread per lane, and times in microseconds', () => {
  const chart = toChart(timeline([attempt(1, 0, 100, 150, 300)]), 'slot', 900);
  const trace = toTrace(chart, (id) => `tool of ${id}`) as { traceEvents: Record<string, unknown>[] };
  const [prepare, run] = trace.traceEvents.filter((event) => event['ph'] === 'X');
  assert.deepEqual([prepare!['name'], prepare!['ts'], prepare!['dur']], ['prepare', 0, 50_000]);
  assert.deepEqual(
    [run!['name'], run!['ts'], run!['dur'], run!['pid'], run!['tid']],
    ['tool of task_1', 50_000, 150_000, 1, 1],
  );
  assert.equal(trace.traceEvents.filter((event) => event['ph'] === 'M').length, 2);
});

test('what came from the cache has points of its own, and takes no lane from anybody', () => {
  const known = timeline([attempt(1, 0, 100, 150, 300)]);
  known.hits = [
    { task_id: 'task_3', at_ms: 400 },
    { task_id: 'task_2', at_ms: 50 },
  ];
  const change = { task_id: 'task_4', cached: true, finished_ms: 0, last_attempt: null } as TaskChange;
  assert.equal(applyAttempts(known, [change], 410), true);
  assert.equal(applyAttempts(known, [change], 410), false, 'once');
  const chart = toChart(known, 'slot', 900);
  assert.deepEqual(
    chart.hits.map((hit) => hit.at_ms),
    [50, 400, 410],
  );
  assert.deepEqual([chart.lanes.length, chart.bars.length, chart.from, chart.to], [1, 1, 50, 410]);
  assert.deepEqual(idleGaps(chart, [[50, 410]], 0).length, 2);
  const { traceEvents } = toTrace(chart, (id) => id) as { traceEvents: { ph: string; name: string; ts: number }[] };
  assert.deepEqual(
    traceEvents.filter((one) => one.ph === 'i').map((one) => [one.name, one.ts]),
    [
      ['task_2 from the cache', 0],
      ['task_3 from the cache', 350_000],
      ['task_4 from the cache', 360_000],
    ],
  );
});

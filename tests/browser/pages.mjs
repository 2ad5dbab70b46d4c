// The pages over a made-up gateway: what each shows, that links and keys work, that the URL holds the state,
// and that actions are asked, sent once and refused politely.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch, openPage, OPTIONS } from './support/browser.mjs';
import { Mock } from './support/mock.mjs';
import { World } from './support/world.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

function makeWorld(options) {
  const world = new World(options);
  world.addGrid({ number: 1, name: 'finished grid', options: OPTIONS, done: 1 });
  const stages = [OPTIONS[0], [...OPTIONS[1], 'needs_three'], OPTIONS[2], OPTIONS[3]];
  world.addGrid({ number: 2, name: 'running grid', options: stages, done: 0.42, broken: true, starved: true });
  return world;
}

/** Runs with a mock and a page; at the end nothing forbidden may have happened. */
async function withPage(run, options = {}, context = {}) {
  const mock = await new Mock(makeWorld(options)).start();
  const { page, context: made, bad } = await openPage(browser, mock.url, context);
  try {
    await run(page, mock, made);
    assert.deepEqual(bad, []);
  } finally {
    await made.close();
    await mock.stop();
  }
}

const text = async (page, selector = 'main') =>
  (await page.locator(selector).first().innerText()).replace(/\s+/g, ' ');

const PATHS = (task) => [
  '/',
  '/p',
  '/p/pipeline_2',
  '/p/pipeline_2/graph',
  '/p/pipeline_2/graph?path=1',
  '/p/pipeline_2/graph?as=tasks&path=1',
  '/p/pipeline_2/timeline?path=1',
  '/p/pipeline_2/tasks',
  '/p/pipeline_1/results',
  '/p/pipeline_1/results?chart=scatter',
  '/p/pipeline_1/results?chart=matrix',
  '/p/pipeline_2/events',
  `/t/task_${task}`,
  '/w',
  '/w/worker_1',
];

test('the front page answers its four questions without scrolling', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/`);
    await page.waitForSelector('.answer');
    await page.waitForFunction(() => /It needs 3 GPUs/.test(document.querySelector('main').innerText));
    const answers = await page.locator('.answer').allInnerTexts();
    assert.match(answers[0], /Is it moving\?\s*Yes, 3 tasks running/);
    assert.match(answers[1], /2 failures/);
    assert.match(answers[1], /trades blocks \d+ tasks: exit code 1/);
    assert.match(answers[2], /needs_three: It needs 3 GPUs and the largest worker has 2/);
    assert.match(answers[3], /No, 3 of 4 GPUs busy/);
    for (const one of await page.locator('.answer').all()) {
      const box = await one.boundingBox();
      assert.ok(box.y + box.height <= 768, `an answer ends at ${box.y + box.height}`);
    }
    assert.equal(await page.locator('a', { hasText: 'running grid' }).count(), 1);
  }));

test('the root failure, what it blocks and why the rest waits are in one view', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.waitForSelector('.panel.alarm');
    await page.waitForFunction(() => /needs 3 GPUs and/.test(document.querySelector('main').innerText));
    const shown = await text(page);
    assert.match(shown, /Failed at the root: 2 tasks, blocks \d+ tasks/);
    assert.match(shown, /KeyError: no such layer/);
    assert.match(shown, /needs 3 GPUs and the largest worker has 2/);
    assert.match(shown, /What sharing saves/);
  }));

test('a failed task is retried from the page: asked, sent once, shown', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.locator('.panel.alarm .button', { hasText: 'Retry' }).first().click();
    await page.waitForSelector('dialog[open]');
    assert.equal(mock.posts.length, 0);
    mock.dropAnswers = 1; // the first answer is lost: the page repeats with the same key
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForSelector('.message');
    assert.match(await text(page, '.message'), /tasks pending again/);
    assert.equal(mock.world.actions.length, 1);
    assert.equal(mock.posts.length, 2);
    assert.equal(mock.posts[0].key, mock.posts[1].key);
    await page.waitForFunction(() => /Failed at the root: 1 task,/.test(document.querySelector('main').innerText));
  }));

test('cancelling is asked first; backing out sends nothing; a refusal is said in words', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.locator('.head-actions .button', { hasText: 'Cancel' }).click();
    await page.locator('dialog[open] .button', { hasText: 'Back' }).click();
    await page.waitForSelector('dialog[open]', { state: 'hidden' });
    assert.equal(mock.posts.length, 0);
    mock.refuseWith = 'it has ended meanwhile';
    await page.locator('.head-actions .button', { hasText: 'Cancel' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForSelector('dialog[open] .problem');
    assert.match(await text(page, 'dialog[open] .problem'), /it has ended meanwhile – look again/);
    mock.refuseWith = null;
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'cancelled');
  }));

test('pause and resume follow each other', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.locator('.head-actions .button', { hasText: 'Pause' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.locator('.head-actions .button', { hasText: 'Resume' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForSelector('.head-actions .button >> text=Pause');
    assert.deepEqual(mock.world.actions, ['pause pipeline_2', 'resume pipeline_2']);
  }));

test('priority and draining are there where the gateway offers them', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.waitForSelector('.head-actions .button >> text=Pause');
    assert.equal(await page.locator('.button', { hasText: 'Priority' }).count(), 0);
    mock.world.offered = ['priority', 'drain'];
    await page.reload();
    await page.locator('.head-actions .button', { hasText: 'Priority' }).click();
    await page.fill('dialog[open] input', '7');
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForFunction(() => /priority 7/.test(document.querySelector('.subtitle').innerText));
    assert.equal(mock.posts[0].body, '{"priority":7}');
    await page.goto(`${mock.url}/w/worker_1`);
    await page.locator('.head-actions .button', { hasText: 'Drain' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForSelector('.subtitle .status >> text=draining');
    await page.locator('.head-actions .button', { hasText: 'Undrain' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForSelector('.subtitle .status >> text=connected');
    assert.deepEqual(mock.world.actions, ['priority pipeline_2', 'drain worker_1', 'undrain worker_1']);
  }));

test('who may only look is told so, politely, and nothing is sent', () =>
  withPage(
    async (page, mock) => {
      await page.goto(`${mock.url}/p/pipeline_2`);
      await page.waitForSelector('.head-actions .button[aria-disabled="true"]');
      await page.locator('.head-actions .button', { hasText: 'Cancel' }).click({ force: true });
      await page.waitForSelector('.message');
      assert.match(await text(page, '.message'), /may only look.*landseer dashboard --control/);
      assert.equal(mock.posts.length, 0);
    },
    { mayAct: false },
  ));

test('without a session the page says how to get one', () =>
  withPage(async (page, mock) => {
    mock.loggedIn = false;
    await page.goto(`${mock.url}/`);
    await page.waitForSelector('.banner.bad');
    assert.match(await text(page, '.banner'), /landseer dashboard/);
  }));

test('a task shows attempts, explanation, log, inputs and key ingredients', () =>
  withPage(async (page, mock) => {
    const { tasks } = mock.world.pipelines.get('pipeline_2');
    const failed = tasks.find((task) => task.status === 'failed');
    await page.goto(`${mock.url}/t/task_${failed.number}`);
    await page.waitForSelector('.log-line');
    const shown = await text(page);
    assert.match(shown, /exit code 1: KeyError/);
    assert.match(shown, /It is failed\./);
    assert.match(shown, /attempt 1 of trades epoch 1 done/);
    assert.match(shown, /Inputs 1 task/);
    assert.match(shown, /Key ingredients/);
    assert.equal(await page.locator('.log .a-2').innerText(), 'epoch 1');
  }));

test('why a task waits is one sentence', () =>
  withPage(async (page, mock) => {
    const task = mock.world.pipelines
      .get('pipeline_2')
      .tasks.find((one) => one.plainTool === 'needs_three' && mock.world.isReady(one));
    await page.goto(`${mock.url}/t/task_${task.number}`);
    await page.waitForSelector('[data-explain]');
    assert.match(
      await text(page, '[data-explain]'),
      /^It needs 3 GPUs and the largest worker has 2, so no worker can ever run it/,
    );
  }));

test('a log that is written faster than it is sent has a line where something was skipped', () =>
  withPage(async (page, mock) => {
    const { tasks } = mock.world.pipelines.get('pipeline_2');
    const id = `task_${tasks.find((task) => task.status === 'running').number}`;
    const lines = (from, to) =>
      Array.from({ length: to - from }, (_, index) => `line ${String(from + index).padStart(6, '0')}\n`).join('');
    mock.world.logs.set(id, lines(0, 100));
    mock.logLeft = 12 * 50;
    await page.goto(`${mock.url}/t/${id}`);
    await page.waitForSelector('.log-line >> text=line 000099');
    mock.logRefusals = 1;
    mock.world.logs.set(id, lines(0, 5000));
    await page.waitForSelector('.log-line >> text=line 004999');
    assert.equal(mock.logRefusals, 0, 'it was told to wait, and did');
    const seen = await page.locator('.log-line').allInnerTexts();
    const at = seen.findIndex((one) => /^56.8 KiB skipped/.test(one));
    assert.deepEqual([seen[at - 1], seen[at + 1]], ['line 000099', 'line 004950']);
    assert.equal(await page.locator('main .problem').count(), 0);
  }));

test('a log from its beginning skips nothing', () =>
  withPage(async (page, mock) => {
    const { tasks } = mock.world.pipelines.get('pipeline_2');
    const id = `task_${tasks.find((task) => task.status === 'running').number}`;
    mock.world.logs.set(id, `the first line\n${'x'.repeat(99)}\n` + `${'y'.repeat(99)}\n`.repeat(3000));
    mock.logLeft = 1000;
    await page.goto(`${mock.url}/t/${id}`);
    await page.locator('.button', { hasText: 'from the beginning' }).click();
    await page.waitForSelector('.log-line >> text=the first line');
    assert.equal(await page.locator('.log-line', { hasText: 'skipped' }).count(), 0);
  }));

test('a log is followed while it grows, and the end stays in view', () =>
  withPage(async (page, mock) => {
    const { tasks } = mock.world.pipelines.get('pipeline_2');
    const running = tasks.find((task) => task.status === 'running');
    const id = `task_${running.number}`;
    mock.world.logs.set(id, Array.from({ length: 500 }, (_, index) => `line ${index}\n`).join(''));
    await page.goto(`${mock.url}/t/${id}`);
    await page.waitForSelector('.log-line >> text=line 499');
    mock.world.logs.set(id, mock.world.logs.get(id) + 'the newest line\n');
    await page.waitForSelector('.log-line >> text=the newest line');
    const atEnd = () =>
      page.evaluate(() => {
        const log = document.querySelector('.log');
        return log.scrollHeight - log.scrollTop - log.clientHeight < 30;
      });
    assert.ok(await atEnd());
    mock.world.finish(running);
    await page.waitForFunction(
      () =>
        /complete/.test(document.querySelector('[role="status"]')?.textContent ?? '') ||
        document.body.innerText.includes(', complete'),
    );
  }));

test('events change what is shown without a new request for everything', () =>
  withPage(async (page, mock) => {
    const pipeline = mock.world.pipelines.get('pipeline_2');
    await page.goto(`${mock.url}/p/pipeline_2/tasks?status=`);
    const running = pipeline.tasks.find((task) => task.status === 'running');
    const row = page.locator('.row', { hasText: `task_${running.number}` });
    await page.locator('.rows').first().waitFor();
    await page.fill('main input[type="search"]', `task_${running.number}`);
    await row.waitFor();
    assert.match(await row.innerText(), /running/);
    mock.world.finish(running);
    mock.tell(pipeline, [running]);
    await page.waitForFunction(() => /completed/.test(document.querySelector('.row')?.innerText ?? ''));
  }));

test('after a broken connection the page resumes; after a restart it takes new snapshots', () =>
  withPage(async (page, mock) => {
    const pipeline = mock.world.pipelines.get('pipeline_2');
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.waitForSelector('.live >> text=live');
    const [first, second] = pipeline.tasks.filter((task) => task.status === 'running');
    const { port } = mock;
    await mock.stop();
    await page.waitForSelector('.live.lost');
    assert.match(await text(page, '.banner'), /does not answer; trying again/);
    mock.world.finish(first);
    await mock.start(port);
    mock.tell(pipeline, [first]);
    await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'live');
    await page.waitForFunction(() => /2 running/.test(document.querySelector('main').innerText));
    await mock.stop();
    mock.renew();
    mock.world.finish(second);
    await mock.start(port);
    await page.waitForFunction(() => /1 running/.test(document.querySelector('main').innerText));
    assert.equal(await page.locator('.banner').count(), 0);
  }));

test('when only the broker is away, that is said and what is known stays', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.waitForSelector('.panel.alarm');
    mock.world.connected = false;
    mock.emit('broker', { connected: false });
    await page.waitForSelector('.live >> text=broker away');
    assert.match(await text(page, '.banner'), /The broker is away/);
    assert.equal(await page.locator('.panel.alarm').count(), 1);
    mock.world.connected = true;
    mock.emit('broker', { connected: true });
    await page.waitForFunction(
      () => document.querySelector('.live')?.textContent === 'live' && !document.querySelector('.banner'),
    );
  }));

test('the graph: groups first, a chosen group in the URL, every task on a canvas, a selected task', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2/graph`);
    await page.waitForSelector('.g-node');
    assert.equal(await page.locator('.g-node').count(), 12);
    await page.locator('.g-node', { hasText: 'trades' }).click();
    await page.waitForURL(/group=in_training%2Ftrades/);
    await page.locator('.toolbar .button', { hasText: 'every task' }).click();
    await page.waitForSelector('canvas[data-ready="1"]');
    const task = mock.world.pipelines.get('pipeline_2').tasks[5];
    await page.goto(`${mock.url}/p/pipeline_2/graph?as=tasks&sel=task_${task.number}`);
    await page.waitForSelector('.card');
    assert.match(await text(page, '.card'), new RegExp(`task_${task.number}`));
    // A task that ends is drawn so without anything being fetched.
    const picture = () => page.evaluate(() => document.querySelector('canvas').toDataURL());
    const before = await picture();
    const asked = mock.requests.filter((one) => one.includes('view=tasks')).length;
    const { tasks } = mock.world.pipelines.get('pipeline_2');
    const running = tasks.find((one) => one.status === 'running');
    mock.world.finish(running);
    mock.tell(mock.world.pipelines.get('pipeline_2'), [running]);
    await page.waitForFunction((old) => document.querySelector('canvas').toDataURL() !== old, before);
    assert.equal(mock.requests.filter((one) => one.includes('view=tasks')).length, asked);
    await page.locator('canvas').focus();
    await page.keyboard.press('+');
    await page.waitForURL(/view=/);
    await page.reload();
    await page.waitForSelector('.card');
    await page.locator('.tabs a', { hasText: 'Timeline' }).click();
    await page.waitForURL(new RegExp(`timeline\\?sel=task_${task.number}`));
    await page.goBack();
    await page.waitForSelector('.card');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.card', { state: 'detached' });
  }));

test('what ends last: listed, and shown by a word and a shape over groups, tasks and timeline', () =>
  withPage(async (page, mock) => {
    const pipeline = mock.world.pipelines.get('pipeline_2');
    const { tasks } = mock.world.criticalPath(pipeline);
    const left = tasks.filter((task) => task.remaining_ms > 0);
    assert.ok(left.length >= 2 && left.length < tasks.length, 'some of it is over, some is not');
    await page.goto(`${mock.url}/p/pipeline_2`);
    const listed = await page.locator('[data-path]').innerText();
    for (const task of left) assert.ok(listed.includes(task.task_id), `${task.task_id}: ${listed}`);
    assert.match(listed, new RegExp(`${tasks.length - left.length} tasks? before, over`));
    assert.match(await text(page, '.panel:has([data-path])'), new RegExp(`${left.length} tasks in a row, at least`));

    await page.goto(`${mock.url}/p/pipeline_2/graph`);
    await page.waitForSelector('.g-node');
    assert.equal(await page.locator('.g-path').count(), 0);
    await page.locator('.button', { hasText: 'what ends last' }).click();
    await page.waitForSelector('.g-path');
    assert.equal(await page.locator('.g-path').count(), new Set(tasks.map((task) => task.type + task.tool)).size);
    assert.match(await page.locator('.g-path').first().textContent(), /ends last/);
    assert.match(await page.locator('.g-node.on-path').first().getAttribute('aria-label'), /ends last/);
    assert.equal(await page.locator('.g-edge.on-path').count(), tasks.length - 1);
    assert.match(page.url(), /path=1/, 'it is in the URL');

    await page.locator('.button', { hasText: 'every task' }).click();
    await page.waitForSelector(`canvas[data-path="${tasks.length}"]`);
    const before = await page.locator('canvas').screenshot();
    await page.locator('.button', { hasText: 'what ends last' }).click();
    await page.waitForSelector('canvas:not([data-path])');
    assert.ok(!before.equals(await page.locator('canvas').screenshot()), 'it is drawn');

    const hasRun = (id) => pipeline.tasks.find((one) => `task_${one.number}` === id).attempts.length > 0;
    const bars = tasks.filter((task) => hasRun(task.task_id));
    await page.goto(`${mock.url}/p/pipeline_2/timeline?path=1`);
    await page.waitForSelector(`canvas[data-path="${bars.length}"]`);
  }));

test('the timeline of a running pipeline: lanes, by GPU, selection, trace', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_2/timeline`);
    await page.waitForSelector('canvas[data-ready="1"]');
    assert.equal(await page.locator('canvas').getAttribute('data-lanes'), '4');
    const pipeline = mock.world.pipelines.get('pipeline_2');
    const cached = pipeline.tasks.filter((task) => task.cached).length;
    assert.ok(cached > 0);
    assert.equal(await page.locator('canvas').getAttribute('data-hits'), String(cached));
    const bars = Number(await page.locator('canvas').getAttribute('data-bars'));
    const next = pipeline.tasks.find((task) => mock.world.isReady(task));
    mock.world.start(next);
    mock.tell(pipeline, [next]);
    await page.waitForFunction(
      (before) => Number(document.querySelector('canvas').dataset.bars) === before + 1,
      bars,
    );
    await page.locator('.button', { hasText: 'lane per GPU' }).click();
    await page.waitForURL(/by=gpu/);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('.button', { hasText: 'Save as trace' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'pipeline_2-trace.json');
    const { createReadStream } = await import('node:fs');
    let body = '';
    for await (const piece of createReadStream(await download.path())) body += piece;
    const trace = JSON.parse(body);
    assert.ok(trace.traceEvents.filter((event) => event.ph === 'X').length >= bars);
  }));

test('results: a brush and a filter narrow table, chart and CSV together', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/p/pipeline_1/results`);
    await page.waitForSelector('.parallel canvas');
    const status = page.locator('.toolbar [role="status"]').first();
    assert.match(await status.innerText(), /24 of 24/);
    const axis = await page.locator('.axis-hit[data-axis="clean_accuracy"]').boundingBox();
    await page.mouse.move(axis.x + axis.width / 2, axis.y + 10);
    await page.mouse.down();
    await page.mouse.move(axis.x + axis.width / 2, axis.y + axis.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/brush=clean_accuracy/);
    const brushed = Number(/^(\d+) of/.exec(await status.innerText())[1]);
    assert.ok(brushed > 0 && brushed < 24, `${brushed} rows`);
    await page.fill('main input[type="search"]', 'dp_sgd');
    await page.waitForURL(/q=dp_sgd/);
    await page.waitForFunction(
      (before) => Number(/^(\d+) of/.exec(document.querySelector('.toolbar [role="status"]').innerText)[1]) < before,
      brushed,
    );
    const rows = Number(/^(\d+) of/.exec(await status.innerText())[1]);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('.button', { hasText: 'Save as CSV' }).click(),
    ]);
    const csv = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\r\n');
    assert.equal(csv.length, rows + 1);
    assert.match(
      csv[0],
      /^combination,pre_training,in_training,post_training,deployment,attack_success_rate,attack_success_rate_delta/,
    );
    await page.locator('.button', { hasText: 'scatter' }).click();
    await page.waitForSelector('.scatter .dot.baseline');
    assert.ok((await page.locator('.scatter .dot.front').count()) > 0);
    await page.locator('.button', { hasText: 'interactions' }).click();
    await page.waitForSelector('.matrix');
    assert.match(await text(page, '.matrix'), /(helps|harms), n \d/);
  }));

test('keys: search, places, tabs, rows and help', () =>
  withPage(async (page, mock) => {
    await page.goto(`${mock.url}/`);
    await page.waitForSelector('.answer');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open] .keys');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog[open]', { state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.waitForURL(/\/p$/);
    await page.waitForSelector('[data-row]');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/p\/pipeline_2$/);
    await page.keyboard.press('4');
    await page.waitForURL(/\/p\/pipeline_2\/tasks$/);
    await page.keyboard.press('/');
    await page.keyboard.type('finished');
    await page.waitForSelector('.search-list a');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/p\/pipeline_1$/);
    await page.goBack();
    await page.waitForURL(/\/p\/pipeline_2\/tasks$/);
  }));

test('every URL leads to its page when it is opened anew, dark and light, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [
      { width: 1366, height: 768 },
      { width: 390, height: 780 },
    ]) {
      await withPage(
        async (page, mock) => {
          const task = mock.world.pipelines.get('pipeline_2').tasks[0].number;
          for (const path of [...PATHS(task), '/nowhere', '/p/pipeline_99', '/t/task_99999999']) {
            await page.goto(mock.url + path);
            await page.waitForFunction(
              () => !document.querySelector('.boot') && document.querySelector('main')?.innerText.length > 20,
            );
            const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(wider <= 0, `${path} is ${wider} pixels wider than the window at ${viewport.width}`);
          }
          assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
        },
        {},
        { colorScheme, viewport },
      );
    }
  }
});

test('no page breaks a rule of accessibility that a program can find, dark or light', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    // The policy of the page would refuse the checker itself.
    await withPage(
      async (page, mock) => {
        const broken = [];
        const failed = mock.world.pipelines.get('pipeline_2').tasks.find((task) => task.status === 'failed').number;
        for (const path of PATHS(failed)) {
          await page.goto(mock.url + path);
          await page.waitForFunction(() => !document.querySelector('.boot') && document.querySelector('main h1'));
          await page.evaluate(axe);
          // That rule takes the tooltip of a group in a drawing for text that is seen.
          const rules = { 'label-content-name-mismatch': { enabled: false } };
          const { violations } = await page.evaluate((options) => window.axe.run(options), { rules });
          for (const one of violations) broken.push(`${path}: ${one.id}: ${one.nodes[0].target}: ${one.help}`);
        }
        assert.deepEqual(broken, []);
      },
      {},
      { colorScheme, bypassCSP: true },
    );
  }
});

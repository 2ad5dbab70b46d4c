// The page against a real broker, real workers and a real gateway.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { launch, openPage } from './support/browser.mjs';
import { Cluster, EXAMPLES, until } from './support/cluster.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

async function logIn(page, cluster, mayAct) {
  await page.goto(cluster.link(mayAct));
  await page.waitForURL(`${cluster.url}/`);
}

async function withCluster(workers, run) {
  const cluster = new Cluster();
  let opened;
  try {
    await cluster.startBroker();
    await cluster.startGateway();
    for (const [name, ...words] of workers(cluster)) await cluster.startWorker(name, ...words);
    opened = await openPage(browser, cluster.url);
    await logIn(opened.page, cluster, true);
    await run(opened.page, cluster);
    assert.deepEqual(opened.bad, []);
  } catch (error) {
    console.error(cluster.logs());
    throw error;
  } finally {
    await opened?.context.close();
    await cluster.stop();
  }
}

const two = () => [
  ['w1', '--cpus', 1, '--gpus', 'none'],
  ['w2', '--cpus', 1, '--gpus', 'none'],
];
const shown = (page, selector = 'main') => page.locator(selector).first().innerText();
const sees = (page, pattern) =>
  page.waitForFunction(
    ([source, flags]) => new RegExp(source, flags).test(document.querySelector('main').innerText),
    [pattern.source, pattern.flags],
  );

test('a pipeline is watched from its submission to its end, live', () =>
  withCluster(two, async (page, cluster) => {
    await page.goto(`${cluster.url}/`);
    await sees(page, /No pipeline yet/);
    const id = cluster.submit(
      'watched',
      {
        first: { script: `while [ ! -e ${cluster.folder}/go ]; do sleep 0.05; done` },
        left: { script: 'echo left' },
        right: { script: 'echo right' },
      },
      { one: ['first', 'left'], two: ['first', 'right'] },
    );
    await sees(page, /Yes, 1 task running/);
    await page.locator('a', { hasText: 'watched' }).first().click();
    await page.waitForURL(`${cluster.url}/p/${id}`);
    await sees(page, /1 running/);
    cluster.touch('go');
    await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'completed');
    await sees(page, /3 of 3 done/);
    for (const [tab, selector] of [
      ['graph', '.g-node'],
      ['timeline', 'canvas[data-bars="3"]'],
      ['tasks', '.row'],
      ['events', '.row'],
      ['results', '.row'],
    ]) {
      await page.goto(`${cluster.url}/p/${id}/${tab}`);
      await page.waitForSelector(selector);
    }
    await page.goto(`${cluster.url}/p/${id}/graph?as=tasks`);
    await page.waitForSelector('canvas[data-ready="1"]');
  }));

test('a broken tool: its root failure and what it blocks in one view, mended by a retry from the page', () =>
  withCluster(two, async (page, cluster) => {
    const id = cluster.submit(
      'broken',
      {
        base: { script: 'echo base' },
        breaks: { script: `test -e ${cluster.folder}/mended || { echo no such layer >&2; exit 3; }` },
        next: { script: 'true' },
        last: { script: 'true' },
      },
      { one: ['base', 'breaks', 'next', 'last'], two: ['base', 'next'] },
    );
    await page.goto(`${cluster.url}/p/${id}`);
    await page.waitForSelector('.panel.alarm');
    await sees(page, /Failed at the root: 1 task, blocks 2 tasks/);
    const alarm = await shown(page, '.panel.alarm');
    assert.match(alarm, /breaks/);
    assert.match(alarm, /exit(ed with)? code 3|code 3/);
    await page.goto(`${cluster.url}/`);
    await sees(page, /1 failure/);
    assert.match(await shown(page, '.answer:nth-of-type(2)'), /breaks blocks 2 tasks/);
    cluster.touch('mended');
    await page.goto(`${cluster.url}/p/${id}`);
    await page.locator('.panel.alarm .button', { hasText: 'Retry' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'completed');
    await page.waitForSelector('.panel.alarm', { state: 'detached' });
    assert.equal(cluster.ask('status', id).state, 'completed');
  }));

test('the log of a running task is followed live, to its end', () =>
  withCluster(two, async (page, cluster) => {
    const id = cluster.submit(
      'talks',
      {
        talk: {
          script:
            `echo hello; while [ ! -e ${cluster.folder}/go ]; do sleep 0.05; done; ` +
            'printf "\\033[31mred\\033[0m goodbye\\n"',
        },
      },
      { one: ['talk'] },
    );
    const { task_id: task } = await until(
      () => cluster.ask('tasks', id).find((one) => one.status === 'running'),
      'the task runs',
    );
    await page.goto(`${cluster.url}/t/${task}`);
    await page.waitForSelector('.log-line >> text=hello');
    assert.equal(await page.locator('.log-line', { hasText: 'goodbye' }).count(), 0);
    cluster.touch('go');
    await page.waitForSelector('.log-line >> text=goodbye');
    assert.equal(await page.locator('.log .a-1').innerText(), 'red');
    await sees(page, /, complete/);
  }));

test('three GPUs where two are is explained in one sentence', () =>
  withCluster(
    () => [['w1', '--cpus', 2, '--gpus', '0,1']],
    async (page, cluster) => {
      const id = cluster.submit(
        'greedy',
        { greedy: { script: 'true', resources: { gpus: 3 } } },
        { one: ['greedy'] },
      );
      const [{ task_id: task }] = cluster.ask('tasks', id);
      await page.goto(`${cluster.url}/t/${task}`);
      await page.waitForSelector('[data-explain]');
      await page.waitForFunction(() =>
        /3/.test(document.querySelector('[data-explain]').closest('.panel').innerText),
      );
      const why = await page.locator('.panel', { has: page.locator('[data-explain]') }).innerText();
      assert.match(why, /3 GPU|gpus? 3|3 gpus?/i);
      assert.match(why, /2/);
      await page.goto(`${cluster.url}/`);
      await sees(page, /Why is mine waiting\?[\s\S]*greedy[^\n]*3 GPU/);
    },
  ));

test('the page lives through restarts of the gateway and of the broker', () =>
  withCluster(two, async (page, cluster) => {
    const id = cluster.submit(
      'long',
      { wait: { script: `while [ ! -e ${cluster.folder}/go ]; do sleep 0.05; done` }, then: { script: 'true' } },
      { one: ['wait', 'then'] },
    );
    await page.goto(`${cluster.url}/p/${id}`);
    await sees(page, /1 running/);
    await cluster.end('dashboard', 'SIGKILL');
    await page.waitForSelector('.live.lost');
    await cluster.startGateway();
    await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'live');
    await cluster.end('broker', 'SIGKILL');
    await page.waitForSelector('.live >> text=broker away');
    await cluster.startBroker();
    await page.waitForFunction(() => document.querySelector('.live')?.textContent === 'live');
    cluster.touch('go');
    await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'completed');
  }));

test('who may only look cannot act; without a session nothing is shown', () =>
  withCluster(two, async (page, cluster) => {
    const id = cluster.submit(
      'mine',
      { wait: { script: `while [ ! -e ${cluster.folder}/go ]; do sleep 0.05; done` } },
      { one: ['wait'] },
    );
    const other = await openPage(browser, cluster.url);
    await logIn(other.page, cluster, false);
    await other.page.goto(`${cluster.url}/p/${id}`);
    await other.page.waitForSelector('.head-actions .button[aria-disabled="true"]');
    await other.page.locator('.head-actions .button', { hasText: 'Cancel' }).click({ force: true });
    assert.match(await other.page.locator('.message').innerText(), /may only look/);
    await other.context.clearCookies();
    await other.page.goto(`${cluster.url}/p/${id}`);
    await other.page.waitForSelector('.banner.bad');
    assert.doesNotMatch(await other.page.locator('body').innerText(), /mine/);
    await other.context.close();
    await page.goto(`${cluster.url}/p/${id}`);
    await page.locator('.head-actions .button', { hasText: 'Cancel' }).click();
    await page.locator('dialog[open] .button.primary').click();
    await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'cancelled');
    cluster.touch('go');
  }));

const DIGITS = process.env.LANDSEER_LIVE_DIGITS !== '0';
test('the digits example: results, directions and charts', { skip: DIGITS ? false : 'LANDSEER_LIVE_DIGITS=0' }, () =>
  withCluster(
    (cluster) => {
      const data = `digits=${cluster.exportDigits()}`;
      return ['w1', 'w2'].map((name) => [
        name,
        '--cpus',
        1,
        '--gpus',
        'none',
        '--images',
        join(EXAMPLES, 'images'),
        '--data',
        data,
      ]);
    },
    async (page, cluster) => {
      const { pipeline_id: id } = cluster.ask(
        'submit',
        join(EXAMPLES, 'digits.yaml'),
        '--evaluators',
        join(EXAMPLES, 'evaluators.yaml'),
      );
      page.setDefaultTimeout(400_000);
      await page.goto(`${cluster.url}/p/${id}`);
      await page.waitForFunction(() => document.querySelector('.subtitle .status')?.textContent === 'completed');
      await page.goto(`${cluster.url}/p/${id}/results`);
      await page.waitForSelector('.parallel canvas');
      await sees(page, /54 of 54 combinations/);
      await sees(page, /[▲▼]/);
      await page.goto(`${cluster.url}/p/${id}/results?chart=scatter&x=fgsm_accuracy&y=clean_accuracy`);
      await page.waitForSelector('.scatter .dot.front');
      // The matrix of the page has the numbers that the command line prints, cell by cell.
      const printed = cluster.ask('results', id, '--interactions', '--metric', 'fgsm_accuracy');
      assert.ok(printed.cells.length >= 20, `${printed.cells.length} cells`);
      await page.goto(`${cluster.url}/p/${id}/results?chart=matrix&metric=fgsm_accuracy`);
      await page.waitForSelector('.matrix');
      const names = await page.locator('.matrix tbody th').allInnerTexts();
      assert.deepEqual(
        names,
        printed.tools.map((one) => one.tool),
      );
      const numbers = await page.evaluate(() =>
        [...document.querySelectorAll('.matrix tbody tr')].map((row) =>
          [...row.querySelectorAll('td')].map((cell) => cell.innerText.replaceAll('\u2212', '-').replaceAll('±', '')),
        ),
      );
      for (const { row, column, n, relative_change: change } of printed.cells) {
        const shown = numbers[row][column];
        assert.ok(Math.abs(parseFloat(shown) - change * 100) <= 0.051, `${names[row]} with ${names[column]}: ${shown}`);
        assert.match(shown, new RegExp(`n ${n}$`));
      }
      assert.equal(numbers.flat().filter((cell) => /%/.test(cell)).length, printed.cells.length);
      // What ended last, when all is over: measured, and in the order in which it ran.
      await page.goto(`${cluster.url}/p/${id}/timeline?path=1`);
      await page.waitForFunction(() => Number(document.querySelector('canvas')?.dataset.path) >= 3);
      await page.goto(`${cluster.url}/p/${id}/graph`);
      assert.equal(
        (await page.locator('.g-node').all()).length > 0 || (await page.waitForSelector('.g-node').then(() => true)),
        true,
      );
      await page.goto(`${cluster.url}/p/${id}/timeline`);
      await page.waitForSelector('canvas[data-bars="243"]');
    },
  ),
);

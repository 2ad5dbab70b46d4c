// Two hundred hostile texts through every field that tools, files and workers decide, on every page: nothing
// runs, nothing is fetched, no element comes of text, and the page goes on working.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage, OPTIONS } from './support/browser.mjs';
import { HOSTILE } from './support/hostile.mjs';
import { Mock } from './support/mock.mjs';
import { World } from './support/world.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

const CHUNK = 20;
const FOREIGN =
  'iframe, object, embed, img, video, audio, form[action], base, meta[http-equiv], style, portal, marquee, template, ' +
  'math, body link, main script, [onerror], [onload], [onclick], [onfocus]';

function paths(world) {
  const { tasks } = world.pipelines.get('pipeline_2');
  const failed = tasks.find((task) => task.status === 'failed').number;
  const waiting = tasks.find((task) => task.plainTool === 'needs_three').number;
  return [
    '/',
    '/p',
    '/p/pipeline_2',
    '/p/pipeline_2/graph',
    `/p/pipeline_2/graph?as=tasks&sel=task_${failed}`,
    `/p/pipeline_2/timeline?sel=task_${failed}`,
    '/p/pipeline_2/tasks',
    '/p/pipeline_1/results',
    '/p/pipeline_1/results?chart=scatter',
    '/p/pipeline_1/results?chart=matrix',
    '/p/pipeline_2/events',
    `/t/task_${failed}`,
    `/t/task_${waiting}`,
    '/w',
    '/w/worker_2',
  ];
}

/** Shows every page of a world made with `text`, and opens what can be opened. */
async function tour(text) {
  const world = new World({ text });
  world.addGrid({ number: 1, name: 'one', options: OPTIONS.map((some) => some.slice(0, 2)), done: 1 });
  world.addGrid({
    number: 2,
    name: 'two',
    options: [OPTIONS[0], [...OPTIONS[1], 'needs_three'], OPTIONS[2].slice(0, 1)],
    done: 0.55,
    broken: true,
    starved: true,
  });
  const mock = await new Mock(world).start();
  const { page, context, bad } = await openPage(browser, mock.url, { viewport: { width: 1366, height: 1800 } });
  try {
    for (const path of paths(world)) {
      await page.goto(mock.url + path);
      await page.waitForFunction(
        () => !document.querySelector('.boot') && document.querySelector('main')?.innerText.length > 30,
      );
      await page.evaluate(() =>
        document.querySelectorAll('details').forEach((one) => {
          one.open = true;
        }),
      );
      const nodes = page.locator('.g-node, .scatter .dot');
      for (let i = 0; i < Math.min(3, await nodes.count()); i += 1) await nodes.nth(i).hover({ force: true });
      const canvas = page.locator('.chart canvas').first();
      if ((await canvas.count()) > 0) await canvas.hover({ position: { x: 300, y: 60 }, force: true });
      if (/graph|progress|p\/pipeline_2$/.test(path)) {
        mock.tell(world.pipelines.get('pipeline_2'), world.pipelines.get('pipeline_2').tasks.slice(0, 30));
      }
      assert.equal(await page.locator(FOREIGN).count(), 0, `${path}: an element came of text`);
      assert.equal(await page.evaluate(() => window.hit_), undefined, `${path}: a script ran`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wider <= 0, `${path}: ${wider} pixels wider than the window`);
      assert.ok(
        !/[\u202a-\u202e\u2066-\u2069]/.test(await page.locator('body').innerText()),
        `${path}: direction characters reach the page`,
      );
    }
    const button = page.locator('.head-actions .button').first();
    if ((await button.count()) > 0) await button.click({ force: true });
    await page.goto(`${mock.url}/p/pipeline_2`);
    await page.locator('.head-actions .button', { hasText: 'Cancel' }).click();
    await page.waitForSelector('dialog[open]');
    assert.equal(await page.locator(FOREIGN).count(), 0);
    await page.waitForTimeout(200); // what was hoped for would have been asked for by now
    assert.deepEqual(bad, []);
  } finally {
    await context.close();
    await mock.stop();
  }
}

test('there are two hundred, all different', () => {
  assert.equal(HOSTILE.length, 200);
  assert.equal(new Set(HOSTILE).size, 200);
});

for (let from = 0; from < HOSTILE.length; from += CHUNK) {
  test(`texts ${from} to ${from + CHUNK - 1} in every field at once`, () => {
    const joined = HOSTILE.slice(from, from + CHUNK).join(' ');
    return tour((plain) => `${plain}${joined}`);
  });
}

test('one text per field, each at its beginning', () => {
  const seen = new Map();
  return tour((plain) => {
    if (!seen.has(plain)) seen.set(plain, HOSTILE[(seen.size * 13) % HOSTILE.length]);
    return seen.get(plain) + (seen.size > 200 ? plain : '');
  });
});

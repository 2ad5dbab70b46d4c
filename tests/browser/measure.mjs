// How fast the page is with 10,000 tasks and 20,000 dependencies: the figures are printed as JSON, written to
// $LANDSEER_MEASURES if that is set, and must stay within the budgets.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { launch, openPage } from './support/browser.mjs';
import { Mock } from './support/mock.mjs';
import { World } from './support/world.mjs';

const BUDGET = { layout_ms: 300, pan_fps_median: 30, first_paint_ms: 1000, shell_gzip_bytes: 60 * 1024 };
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Frames while the mouse drags the canvas to and fro. */
async function pan(page) {
  const box = await page.locator('canvas').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const tick = (now) => {
      window.frames_.push(now - last);
      last = now;
      if (window.frames_.length < 2000) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (let step = 0; step < 120; step += 1)
    await page.mouse.move(x + Math.sin(step / 8) * 300, y + Math.cos(step / 9) * 150);
  await page.mouse.up();
  const frames = await page.evaluate(() => window.frames_.slice(2));
  await page.evaluate(() => {
    window.frames_ = Array(3000).fill(0);
  });
  return { fps: 1000 / median(frames), frames: frames.length, slowest_ms: Math.max(...frames) };
}

/** What is in use after everything that can go has gone. */
async function heapMib(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / 2 ** 20;
}

test('ten thousand combinations are shown, and thirty thousand changes leave the heap as it was', async () => {
  const ten = (stage) =>
    Array.from({ length: 10 }, (_, index) => (index === 0 ? `none_${stage}` : `${stage}_${index}`));
  const world = new World();
  const options = [ten('pre'), ten('in'), ten('post'), ten('deploy')];
  const pipeline = world.addGrid({ number: 1, name: 'combinations', options, done: 0.9, evaluators: 1 });
  const mock = await new Mock(world).start();
  const browser = await launch();
  try {
    const { page, bad } = await openPage(browser, mock.url);
    const began = performance.now();
    await page.goto(`${mock.url}/p/pipeline_1/results`);
    await page.waitForSelector('.parallel canvas');
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const shownMs = performance.now() - began;
    await page.goto(`${mock.url}/p/pipeline_1/events`);
    await page.waitForSelector('.row');
    await page.waitForSelector('.live >> text=live');
    const before = await heapMib(page);
    const some = pipeline.tasks.filter((task) => task.attempts.length > 0).slice(0, 300);
    for (let round = 0; round < 100; round += 1) {
      // Each task is tried once more: a new attempt that starts and ends.
      for (const task of some) {
        const last = task.attempts.at(-1);
        task.attempts = [{ ...last, attempt: last.attempt + 1, finished_ms: Date.now() }];
      }
      mock.emit('tasks', { pipeline_id: pipeline.id, tasks: some.map((task) => world.taskChange(task)) });
    }
    const lastAttempt = some[0].attempts[0].attempt;
    await page.waitForFunction(
      (n) => document.querySelector('.rows').innerText.includes(`attempt ${n}`),
      lastAttempt,
    );
    const after = await heapMib(page);
    const figures = {
      combinations: 10_000,
      shown_ms: Math.round(shownMs),
      heap_mib: Math.round(before),
      heap_mib_after: Math.round(after),
    };
    console.log(JSON.stringify(figures));
    assert.ok(shownMs < 20_000, `${shownMs} ms`);
    // The list of events keeps 20,000 of them, filled to the brim before and after.
    assert.ok(after < before * 1.5 + 20, `${before} MiB, then ${after} MiB`);
    assert.deepEqual(bad, []);
  } finally {
    await browser.close();
    await mock.stop();
  }
});

test('10,000 tasks with 20,000 dependencies stay within the budgets', async () => {
  const world = new World();
  const pipeline = world.addLarge({ number: 1, name: 'ten thousand', count: 10_000, edges: 20_000 });
  const graph = world.graph(pipeline);
  assert.equal(graph.tasks.number.length, 10_000);
  assert.equal(graph.edges.from.length, 20_000);
  const mock = await new Mock(world).start();
  const browser = await launch();
  const result = {};
  try {
    const { page, bad } = await openPage(browser, mock.url);
    const paints = [];
    const contents = [];
    for (let round = 0; round < 5; round += 1) {
      await page.goto(`${mock.url}/p/pipeline_1`);
      await page.waitForSelector('.tabs');
      paints.push(
        await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN),
      );
      contents.push(
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())))),
      );
    }
    result.first_paint_ms = Math.round(median(paints));
    result.first_content_ms = Math.round(median(contents));
    const layouts = [];
    for (let round = 0; round < 5; round += 1) {
      await page.goto(`${mock.url}/p/pipeline_1/graph?as=tasks`);
      await page.waitForSelector('canvas[data-ready="1"]');
      layouts.push(await page.evaluate(() => performance.getEntriesByName('landseer-layout')[0].duration));
    }
    result.layout_ms = Number(median(layouts).toFixed(1));
    await page.waitForTimeout(500);
    const whole = await pan(page);
    for (let step = 0; step < 8; step += 1) {
      await page.locator('canvas').focus();
      await page.keyboard.press('+');
    }
    await page.waitForTimeout(300);
    const closer = await pan(page);
    await page.goto(`${mock.url}/p/pipeline_1/graph?as=tasks&sel=task_${pipeline.tasks[3].number}`);
    await page.waitForSelector('.card');
    const selected = await pan(page);
    result.pan_fps_median = {
      whole: Math.round(whole.fps),
      closer: Math.round(closer.fps),
      with_selection: Math.round(selected.fps),
    };
    result.pan_slowest_frame_ms = Math.round(Math.max(whole.slowest_ms, closer.slowest_ms, selected.slowest_ms));
    result.heap_mib = Math.round((await page.evaluate(() => performance.memory.usedJSHeapSize)) / 2 ** 20);
    const dist =
      process.env.LANDSEER_PAGE ?? join(dirname(fileURLToPath(import.meta.url)), '../../dashboard/web/dist');
    result.shell_gzip_bytes = JSON.parse(readFileSync(join(dist, 'sizes.json'), 'utf8')).shell_gzip_bytes;
    result.machine = {
      cpu: cpus()[0]?.model ?? '',
      cpus: cpus().length,
      kernel: release(),
      node: process.version,
      browser: browser.version(),
    };
    assert.deepEqual(bad, []);
  } finally {
    await browser.close();
    await mock.stop();
  }
  const text = JSON.stringify({ tasks: 10_000, dependencies: 20_000, ...result }, null, 2);
  console.log(text);
  if (process.env.LANDSEER_MEASURES) writeFileSync(process.env.LANDSEER_MEASURES, text + '\n');
  assert.ok(result.layout_ms <= BUDGET.layout_ms, `layout ${result.layout_ms} ms`);
  for (const [where, fps] of Object.entries(result.pan_fps_median))
    assert.ok(fps >= BUDGET.pan_fps_median, `pan, ${where}: ${fps} frames a second`);
  assert.ok(result.first_paint_ms <= BUDGET.first_paint_ms, `first paint ${result.first_paint_ms} ms`);
  assert.ok(result.shell_gzip_bytes <= BUDGET.shell_gzip_bytes, `shell ${result.shell_gzip_bytes} bytes`);
});

// Pictures of every page with real data, light and dark, into the folder that is named (docs/screenshots):
// the digits example to its end, then a sweep with GPUs of which one tool is broken and one asks too much.
//   tests/browser/run.sh screenshots.mjs docs/screenshots        (needs pngquant)
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launch, openPage } from './support/browser.mjs';
import { Cluster, EXAMPLES, ROOT, until } from './support/cluster.mjs';

const out = resolve(ROOT, process.argv[2] ?? 'build/screenshots');
const BYTES_MAX = 150_000;
mkdirSync(out, { recursive: true });

/** Four stages of tools that wait for a while; `size` is how long, in tenths of seconds. */
function sweep() {
  const stages = {};
  const tool = (stage, script, more = {}) => ({ stage, script, resources: { gpus: 1 }, ...more });
  const epochs = (size) =>
    'for e in 1 2 3 4 5 6 7 8; do printf "epoch %d  loss 0.%d%d  \\033[32maccuracy 0.8%d\\033[0m\\n" ' +
    `$e $((9-e)) $((e*7%10)) $e; sleep ${(size / 80).toFixed(2)}; done`;
  const tools = {
    clean_labels: tool('pre_training', epochs(20)),
    augment: tool('pre_training', epochs(30)),
    trades: tool('in_training', epochs(60)),
    mart: tool('in_training', epochs(70)),
    dp_sgd: tool(
      'in_training',
      `${epochs(16)}; echo "opacus: cannot make a layer of kind BatchNorm2d private" >&2; exit 3`,
    ),
    sharded: tool('in_training', epochs(10), { resources: { gpus: 3 } }),
    prune: tool('post_training', epochs(40)),
    quantize: tool('post_training', epochs(24)),
    watermark: tool('deployment', epochs(20)),
  };
  for (const [name, one] of Object.entries(tools)) {
    stages[name] = one.stage;
    delete one.stage;
  }
  const workflows = {};
  for (const pre of ['clean_labels', 'augment']) {
    for (const training of ['trades', 'mart', 'dp_sgd', 'sharded']) {
      for (const post of ['prune', 'quantize'])
        workflows[`${pre}-${training}-${post}`] = [pre, training, post, 'watermark'].map((name) => ({
          tool: name,
          type: stages[name],
        }));
    }
  }
  return { tools, workflows };
}

const cluster = new Cluster();
const browser = await launch();
const problems = [];
try {
  await cluster.startBroker();
  await cluster.startGateway();
  const data = `digits=${cluster.exportDigits()}`;
  for (const name of ['gpu-node-1', 'gpu-node-2']) {
    await cluster.startWorker(
      name,
      '--cpus',
      2,
      '--gpus',
      '0,1',
      '--images',
      join(EXAMPLES, 'images'),
      '--data',
      data,
      '--label',
      `rack=${name.slice(-1)}`,
    );
  }
  const pages = {};
  for (const colorScheme of ['light', 'dark']) {
    pages[colorScheme] = await openPage(browser, cluster.url, { colorScheme });
    await pages[colorScheme].page.goto(cluster.link());
    await pages[colorScheme].page.waitForURL(`${cluster.url}/`);
  }
  const shoot = async (name, path, ready) => {
    for (const [scheme, { page, bad }] of Object.entries(pages)) {
      await page.goto(cluster.url + path);
      await page.waitForSelector(ready);
      await page.waitForFunction(
        () => !document.querySelector('.boot') && document.querySelector('.live')?.textContent === 'live',
      );
      await page.waitForTimeout(500); // charts draw a frame later, and again at rest
      const file = join(out, `${name}-${scheme}.png`);
      await page.screenshot({ path: file });
      const packed = spawnSync('pngquant', ['--force', '--skip-if-larger', '--strip', '--ext', '.png', '160', file]);
      if (packed.error) problems.push('pngquant is missing; as root: apt-get install pngquant');
      if (statSync(file).size > BYTES_MAX)
        problems.push(`${file} has ${statSync(file).size} bytes, more than ${BYTES_MAX}`);
      problems.push(...bad.splice(0).map((one) => `${path}: ${one}`));
    }
  };
  const { pipeline_id: digits } = cluster.ask(
    'submit',
    join(EXAMPLES, 'digits.yaml'),
    '--evaluators',
    join(EXAMPLES, 'evaluators.yaml'),
  );
  await until(() => cluster.ask('status', digits).finished_at, 'the digits example is done', 600_000);
  await shoot('results', `/p/${digits}/results`, '.parallel canvas');
  await shoot(
    'results-brushed',
    `/p/${digits}/results?brush=clean_accuracy:0.8..1&chart=scatter&x=fgsm_accuracy&y=clean_accuracy`,
    '.scatter .dot.front',
  );
  await shoot('interactions', `/p/${digits}/results?chart=matrix&metric=fgsm_accuracy`, '.matrix');
  await shoot('graph', `/p/${digits}/graph`, '.g-node');
  const trained = cluster.ask('tasks', digits).find((one) => one.tool === 'in_adversarial').task_id;
  await shoot('graph-tasks', `/p/${digits}/graph?as=tasks&sel=${trained}`, '.card');

  const { tools, workflows } = sweep();
  const id = cluster.submit('defence sweep', tools, workflows);
  const tasks = () => cluster.ask('tasks', id);
  const failed = await until(() => tasks().find((one) => one.status === 'failed'), 'the broken tool has failed');
  await until(() => tasks().filter((one) => one.status === 'completed').length >= 6, 'some tasks are done');
  await shoot('overview', '/', '.answer');
  await shoot('progress', `/p/${id}`, '.panel.alarm');
  await shoot('workers', '/w', '.gpu');
  await shoot('worker', '/w/worker_1', '.panel');
  await shoot('timeline', `/p/${id}/timeline?path=1`, 'canvas[data-path]');
  await shoot('graph-path', `/p/${id}/graph?path=1`, '.g-path');
  await shoot('tasks', `/p/${id}/tasks`, '.row');
  await shoot('task', `/t/${failed.task_id}`, '.log-line');
  await shoot('waiting', `/t/${tasks().find((one) => one.tool === 'sharded').task_id}`, '[data-explain]');
  await shoot('events', `/p/${id}/events`, '.row');
  await shoot('pipelines', '/p', 'tbody tr');
  cluster.ask('cancel', id, '--yes');
} catch (error) {
  problems.push(String(error), cluster.logs());
} finally {
  await browser.close();
  await cluster.stop();
}
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`pictures are in ${out}`);

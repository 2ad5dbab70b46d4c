// Pipelines that are made up and played through, for tests of the page that need neither broker nor workers.
// `text` puts strings into every field that tools, files and workers decide.
import { Answers, iso, TYPES } from './answers.mjs';

const NOW = Date.now();

export class World extends Answers {
  /** `text(plain)` is what stands in place of a text that tools, files and workers decide. */
  constructor({ text = (plain) => plain, mayAct = true } = {}) {
    super();
    this.text = text;
    this.mayAct = mayAct;
    this.offered = null; // what the session says of actions, if anything
    this.connected = true;
    this.pipelines = new Map();
    this.tasks = new Map();
    this.logs = new Map();
    this.workers = [0, 1].map((index) => this.makeWorker(index));
    this.actions = [];
  }

  makeWorker(index) {
    const t = this.text;
    return {
      worker_id: `worker_${index + 1}`,
      name: t(`node-${index + 1}`),
      state: 'connected',
      slots: { cpus: 8, cpus_free: 3, memory_bytes: 64 * 2 ** 30, gpus_free: index === 0 ? 0 : 1 },
      gpus: [t('0:NVIDIA A100'), t('1:NVIDIA A100')],
      running: 2,
      completed: 40,
      failed: index,
      last_seen_at: iso(Date.now()),
      labels: { [t('zone')]: t('lab') },
      runtimes: [t('process'), t('podman')],
      datasets: [t('digits:clean')],
      version: t('0.4.0'),
      reason: index === 0 ? null : t('a reason of a worker'),
      bytes_fetched: 123456789,
    };
  }

  /**
   * A product of options per stage, shared by prefixes, then two evaluations per combination. `done` is the
   * share of tasks that are over; one tool of in_training fails when `broken`.
   */
  addGrid({ number, name, options, done = 0.4, broken = false, starved = false, evaluators = 2 }) {
    const t = this.text;
    const id = `pipeline_${number}`;
    const pipeline = {
      id,
      number,
      name: t(name),
      tasks: [],
      workflows: [],
      state: 'running',
      submitted: NOW - 600_000,
      finished: 0,
      priority: 0,
    };
    const nextTask = () => number * 100_000 + pipeline.tasks.length + 1;
    const make = (tool, type, parents, isBaseline) => {
      const task = {
        number: nextTask(),
        tool: t(tool),
        plainTool: tool,
        type,
        parents,
        children: [],
        workflows: [],
        status: 'pending',
        cached: false,
        reason: null,
        attempts: [],
        isBaseline,
        metrics: {},
      };
      parents.forEach((parent) => parent.children.push(task));
      pipeline.tasks.push(task);
      this.tasks.set(`task_${task.number}`, { task, pipeline });
      return task;
    };
    const nodes = new Map();
    const walk = (stage, path, chain) => {
      if (stage === options.length) {
        const workflow = {
          id: `workflow_${number * 100_000 + pipeline.workflows.length + 1}`,
          name: `comb_${String(pipeline.workflows.length + 1).padStart(3, '0')}`,
          tasks: [...chain],
          tools: path.map((tool) => t(tool)),
          isBaseline: path.every((tool) => tool.startsWith('none')),
        };
        for (let e = 0; e < evaluators; e += 1)
          workflow.tasks.push(
            make(
              ['clean_accuracy', 'pgd_attack'][e] ?? `evaluator_${e}`,
              'evaluation',
              [chain[chain.length - 1]],
              false,
            ),
          );
        workflow.tasks.forEach((task) => task.workflows.push(workflow.id));
        pipeline.workflows.push(workflow);
        return;
      }
      for (const tool of options[stage]) {
        const key = [...path, tool].join('/');
        let node = nodes.get(key);
        if (!node) {
          node = make(tool, TYPES[stage], chain.length > 0 ? [chain[chain.length - 1]] : [], tool.startsWith('none'));
          nodes.set(key, node);
        }
        walk(stage + 1, [...path, tool], [...chain, node]);
      }
    };
    walk(0, [], []);
    this.pipelines.set(id, pipeline);
    this.play(pipeline, { done, broken, starved });
    return pipeline;
  }

  /** `count` tasks in four layers with `edges` dependencies, half of them done: for what must stay fast. */
  addLarge({ number, name, count: size, edges }) {
    const pipeline = {
      id: `pipeline_${number}`,
      number,
      name,
      tasks: [],
      workflows: [],
      state: 'running',
      submitted: Date.now() - 3_600_000,
      finished: 0,
      priority: 0,
    };
    const widths = [10, 100, 1000, size - 1110];
    let before = [];
    let made = 0;
    widths.forEach((width, layer) => {
      const current = [];
      for (let i = 0; i < width; i += 1) {
        const parents =
          layer === 0
            ? []
            : [...new Set([Math.floor((i * before.length) / width), (i * 7 + layer) % before.length])].map(
                (at) => before[at],
              );
        const task = {
          number: number * 100_000 + pipeline.tasks.length + 1,
          tool: `tool_${layer}_${i % 10}`,
          plainTool: '',
          type: TYPES[layer],
          parents,
          children: [],
          workflows: [],
          status: 'pending',
          cached: i % 13 === 0,
          reason: null,
          attempts: [],
          isBaseline: false,
          metrics: {},
        };
        task.status = parents.every((one) => one.status === 'completed') && i < width * 0.6 ? 'completed' : 'pending';
        task.cached &&= task.status === 'completed';
        made += parents.length;
        parents.forEach((parent) => parent.children.push(task));
        current.push(task);
        pipeline.tasks.push(task);
        this.tasks.set(`task_${task.number}`, { task, pipeline });
      }
      before = current;
    });
    // More edges into the last layer, until there are as many as asked for.
    const third = pipeline.tasks.filter((task) => task.type === TYPES[2]);
    for (let i = 0; made < edges; i = (i + 1) % before.length) {
      const parent = third[(i * 31 + 17) % third.length];
      if (before[i].parents.includes(parent)) continue;
      before[i].parents.push(parent);
      parent.children.push(before[i]);
      made += 1;
    }
    pipeline.tasks
      .filter((task) => this.isReady(task))
      .slice(0, 40)
      .forEach((task, index) => this.start(task, this.workers[index % 2], Math.floor(index / 2)));
    this.pipelines.set(pipeline.id, pipeline);
    return pipeline;
  }

  /** Four lanes work through the tasks in order. */
  play(pipeline, { done, broken, starved }) {
    const t = this.text;
    const target = Math.floor(pipeline.tasks.length * done);
    const free = [0, 0, 0, 0].map(() => pipeline.submitted + 2000);
    let over = 0;
    const skip = (task, cause) =>
      task.children.forEach((child) => {
        if (child.status !== 'pending') return;
        child.status = 'skipped';
        child.reason = t(`dependency task_${cause.number} failed`);
        skip(child, cause);
      });
    pipeline.tasks.forEach((task, index) => {
      if (over >= target || task.status !== 'pending' || task.parents.some((parent) => parent.status !== 'completed'))
        return;
      if (starved && task.plainTool === 'needs_three') return;
      over += 1;
      if (task.type === 'evaluation') {
        const base = 0.9 - ((index * 31) % 40) / 200;
        task.metrics =
          task.plainTool === 'clean_accuracy'
            ? { clean_accuracy: base }
            : { attack_success_rate: 0.2 + ((index * 53) % 60) / 100, loss: 3.5 - base };
      }
      if (index % 17 === 5 && task.plainTool !== 'trades') {
        task.status = 'completed';
        task.cached = true;
        return;
      }
      const slot = free.indexOf(Math.min(...free));
      const ready = Math.max(free[slot], ...task.parents.map((parent) => parent.attempts.at(-1)?.finished_ms ?? 0));
      const begins = ready + (index % 11 === 3 ? 9000 : 300);
      const took = 4000 + ((index * 7919) % 23) * 900;
      const worker = this.workers[slot % 2];
      const fails = broken && task.plainTool === 'trades' && task.type === 'in_training';
      free[slot] = begins + took;
      task.attempts.push({
        task_id: `task_${task.number}`,
        attempt: 1,
        worker_id: worker.worker_id,
        worker: worker.name,
        lane: Math.floor(slot / 2),
        gpus: [Math.floor(slot / 2)],
        assigned_ms: begins - 250,
        started_ms: begins + 600,
        finished_ms: begins + took,
        outcome: fails ? 'exit_code' : 'succeeded',
      });
      task.status = fails ? 'failed' : 'completed';
      if (fails) {
        task.reason = t('exit code 1: KeyError: no such layer "conv9"');
        skip(task, task);
      }
    });
    const last = Math.max(pipeline.submitted, ...free);
    const shift = Date.now() - 1500 - last; // the last of them ended just now
    pipeline.submitted += shift;
    for (const task of pipeline.tasks)
      for (const one of task.attempts)
        for (const key of ['assigned_ms', 'started_ms', 'finished_ms']) one[key] += shift;
    if (done >= 1) {
      pipeline.state = pipeline.tasks.some((task) => task.status !== 'completed') ? 'failed' : 'completed';
      pipeline.finished = last + shift;
      return;
    }
    const ready = pipeline.tasks.filter(
      (task) =>
        task.status === 'pending' &&
        task.parents.every((parent) => parent.status === 'completed') &&
        task.plainTool !== 'needs_three',
    );
    ready.slice(0, 4).forEach((task, index) => this.start(task, this.workers[index % 2], Math.floor(index / 2)));
  }

  start(task, worker = this.workers[0], lane = 0) {
    task.status = 'running';
    const now = Date.now();
    task.attempts.push({
      task_id: `task_${task.number}`,
      attempt: task.attempts.length + 1,
      worker_id: worker.worker_id,
      worker: worker.name,
      lane,
      gpus: [lane],
      assigned_ms: now - 3000,
      started_ms: now - 2500,
      finished_ms: 0,
      outcome: null,
    });
  }

  finish(task, status = 'completed') {
    task.status = status;
    const last = task.attempts.at(-1);
    last.finished_ms = Date.now();
    last.outcome = status === 'completed' ? 'succeeded' : 'exit_code';
  }
}

// What is answered about a world of pipelines, in the shapes of docs/openapi.yaml. Changes nothing.

export const TYPES = ['pre_training', 'in_training', 'post_training', 'deployment', 'evaluation'];
export const STATUSES = ['pending', 'running', 'completed', 'failed', 'skipped', 'cancelled'];
const STAGE_KEYS = TYPES.slice(0, 4);
export const iso = (ms) => (ms > 0 ? new Date(ms).toISOString() : null);
const digest = (number) => number.toString(16).padStart(8, '0').repeat(8);
const count = (tasks, test) => tasks.reduce((sum, task) => sum + (test(task) ? 1 : 0), 0);

/** Needs what World, which extends it, has: text, workers, pipelines, tasks, connected. */
export class Answers {
  isReady(task) {
    return task.status === 'pending' && task.parents.every((parent) => parent.status === 'completed');
  }

  counts(tasks) {
    const made = { total: tasks.length, cached: count(tasks, (task) => task.cached) };
    for (const status of STATUSES) made[status] = count(tasks, (task) => task.status === status);
    return made;
  }

  pipelineRow(pipeline) {
    const t = this.text;
    const counts = this.counts(pipeline.tasks);
    return {
      pipeline_id: pipeline.id,
      name: pipeline.name,
      state: pipeline.state,
      ...counts,
      submitted_at: iso(pipeline.submitted),
      finished_at: iso(pipeline.finished),
      eta_seconds: pipeline.finished ? null : (counts.pending + counts.running) * 2.5,
      policy: t('finish-first'),
      priority: pipeline.priority,
      dataset: t('digits:clean'),
      ready: count(pipeline.tasks, (task) => this.isReady(task)),
      workflows: pipeline.workflows.length,
      workflows_completed: pipeline.workflows.filter((one) => one.tasks.every((task) => task.status === 'completed'))
        .length,
    };
  }

  /** Every task is expected to take five seconds; parents stand before their children. */
  criticalPath(pipeline) {
    const isLeft = (task) => task.status === 'pending' || task.status === 'running';
    const left = (task) => (isLeft(task) ? 5000 : 0);
    const tails = new Map();
    for (const task of [...pipeline.tasks].reverse()) {
      const behind = task.children.filter(isLeft).sort((a, b) => tails.get(b).ms - tails.get(a).ms)[0];
      tails.set(task, { ms: left(task) + (behind ? tails.get(behind).ms : 0), behind });
    }
    const first = pipeline.tasks
      .filter((task) => isLeft(task) && !task.parents.some(isLeft))
      .sort((a, b) => tails.get(b).ms - tails.get(a).ms)[0];
    const ended = (task) => task.attempts.at(-1)?.finished_ms ?? 0;
    const latest = (tasks) => tasks.filter((task) => ended(task) > 0).sort((a, b) => ended(b) - ended(a))[0];
    const chain = [];
    for (let task = latest(first ? first.parents : pipeline.tasks); task; task = latest(task.parents))
      chain.unshift(task);
    for (let task = first; task; task = tails.get(task).behind) chain.push(task);
    return {
      tasks: chain.map((task) => ({
        task_id: `task_${task.number}`,
        tool: task.tool,
        type: task.type,
        status: task.status,
        expected_ms: 5000,
        remaining_ms: left(task),
      })),
      remaining_ms: first ? tails.get(first).ms : 0,
      is_measured: true,
    };
  }

  failures(pipeline) {
    const blocks = (task) => {
      const seen = new Set();
      const walk = (one) =>
        one.children.forEach((child) => {
          if (child.status === 'skipped' && !seen.has(child)) {
            seen.add(child);
            walk(child);
          }
        });
      walk(task);
      return seen.size;
    };
    return pipeline.tasks
      .filter((task) => task.status === 'failed')
      .map((task) => ({
        pipeline_id: pipeline.id,
        task_id: `task_${task.number}`,
        tool: task.tool,
        type: task.type,
        reason: task.reason,
        worker: task.attempts.at(-1)?.worker ?? null,
        finished_at: iso(task.attempts.at(-1)?.finished_ms ?? 0),
        attempts: task.attempts.length,
        blocks: blocks(task),
      }))
      .sort((a, b) => b.blocks - a.blocks);
  }

  waiting(pipeline) {
    const t = this.text;
    const groups = new Map();
    for (const task of pipeline.tasks) {
      if (task.status !== 'pending') continue;
      const code = pipeline.state === 'paused' ? 'paused' : this.isReady(task) ? 'resources' : 'dependencies';
      const key = `${code} ${task.tool}`;
      const group = groups.get(key) ?? {
        pipeline_id: pipeline.id,
        code,
        tool: task.tool,
        tasks: 0,
        example: `task_${task.number}`,
        message:
          code === 'resources'
            ? t('ready: waits for a worker with room')
            : code === 'paused'
              ? t('its pipeline is paused')
              : t('waits for tasks it depends on'),
      };
      group.tasks += 1;
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  detail(pipeline) {
    const t = this.text;
    const types = TYPES.filter((type) => pipeline.tasks.some((task) => task.type === type));
    return {
      ...this.pipelineRow(pipeline),
      stages: types.map((type) => {
        const tasks = pipeline.tasks.filter((task) => task.type === type);
        return {
          type,
          total: tasks.length,
          running: count(tasks, (task) => task.status === 'running'),
          completed: count(tasks, (task) => task.status === 'completed'),
          failed: count(tasks, (task) => ['failed', 'skipped', 'cancelled'].includes(task.status)),
        };
      }),
      notices: pipeline.state === 'paused' ? [t('paused: nothing new starts')] : [],
      failures: this.failures(pipeline),
      waiting: this.waiting(pipeline),
      savings: this.savings([pipeline]),
      last_change_at: iso(Date.now() - 1200),
    };
  }

  savings(pipelines) {
    return pipelines.reduce(
      (sum, one) => ({
        task_instances: sum.task_instances + one.workflows.reduce((all, workflow) => all + workflow.tasks.length, 0),
        tasks: sum.tasks + one.tasks.length,
        cached: sum.cached + count(one.tasks, (task) => task.cached),
      }),
      { task_instances: 0, tasks: 0, cached: 0 },
    );
  }

  taskRow({ task, pipeline }) {
    const last = task.attempts.at(-1);
    const ended = task.status !== 'pending' && task.status !== 'running';
    return {
      task_id: `task_${task.number}`,
      pipeline_id: pipeline.id,
      key: digest(task.number),
      tool: task.tool,
      type: task.type,
      status: task.status,
      reason: task.reason,
      priority: task.parents.length * 1000 - task.workflows.length,
      dependency_level: task.parents.length,
      usage_counter: task.workflows.length,
      dependencies: task.parents.map((one) => `task_${one.number}`),
      workflows: task.workflows,
      attempts: task.attempts.length,
      worker: last?.worker ?? null,
      started_at: iso(last?.started_ms ?? 0),
      finished_at: ended ? iso(last?.finished_ms ?? pipeline.submitted + 1) : null,
      cached: task.cached,
      ready: this.isReady(task),
      evaluation_skipped: false,
      artifact: task.status === 'completed' ? digest(task.number + 7) : null,
      artifact_bytes: task.status === 'completed' ? 1_500_000 : 0,
      metrics: task.metrics,
      cached_from: null,
      joined: null,
      is_baseline: task.isBaseline,
    };
  }

  taskChange(task) {
    const last = task.attempts.at(-1) ?? null;
    return {
      task_id: `task_${task.number}`,
      status: task.status,
      reason: task.reason,
      ready: this.isReady(task),
      attempts: task.attempts.length,
      worker: last?.worker ?? null,
      cached: task.cached,
      evaluation_skipped: false,
      started_ms: last?.started_ms ?? 0,
      finished_ms: last?.finished_ms ?? 0,
      last_attempt: last,
    };
  }

  taskDetail({ task, pipeline }) {
    const t = this.text;
    const link = (one) => ({
      task_id: `task_${one.number}`,
      tool: one.tool,
      type: one.type,
      status: one.status,
      artifact: one.status === 'completed' ? digest(one.number + 7) : null,
      artifact_bytes: one.status === 'completed' ? 1_500_000 : 0,
    });
    return {
      task: this.taskRow({ task, pipeline }),
      image: t(`landseer/${task.plainTool}:v1`),
      command: t('python3 main.py --epochs 5'),
      config: { stage: task.type, tool_name: task.tool, [t('epochs')]: t('5') },
      key_ingredients: {
        tool: task.tool,
        image: t('landseer/image:v1'),
        dataset: { name: t('digits'), variant: t('clean') },
        dependencies: task.parents.map((one) => digest(one.number)),
      },
      history: task.attempts.map((one) => ({
        attempt: one.attempt,
        worker: one.worker,
        outcome: one.outcome,
        exit_code: one.outcome === 'exit_code' ? 1 : one.outcome === null ? null : 0,
        reason: one.outcome === 'exit_code' ? task.reason : null,
        assigned_at: iso(one.assigned_ms),
        started_at: iso(one.started_ms),
        finished_at: iso(one.finished_ms),
        cpu_seconds: 12.5,
        memory_peak_bytes: 734003200,
        gpu_memory_peak_bytes: 2147483648,
        log_tail: t('the end of the log'),
        gpus: one.gpus,
      })),
      inputs: task.parents.map(link),
      outputs: task.children.map(link),
    };
  }

  explain(entry) {
    const t = this.text;
    const { task } = entry;
    const waits = this.isReady(task);
    return {
      task_id: `task_${task.number}`,
      summary: waits
        ? t('It needs 3 GPUs and the largest worker has 2, so no worker can ever run it: ask for at most 2.')
        : task.status === 'running'
          ? t('It runs now.')
          : t(`It is ${task.status}.`),
      reasons: waits ? this.workers.map((worker) => t(`${worker.worker_id}: has 2 GPUs of the 3 it needs`)) : [],
      compared_with: 'task_1',
      differs_at: null,
      differences: [{ ingredient: t('config.epochs'), here: t('5'), there: t('10') }],
      task: this.taskRow(entry),
    };
  }

  groups(pipeline) {
    const nodes = new Map();
    const depth = new Map();
    for (const task of pipeline.tasks) {
      depth.set(task, Math.max(-1, ...task.parents.map((one) => depth.get(one))) + 1);
      const key = `${task.type} ${task.tool}`;
      const node = nodes.get(key) ?? {
        tasks: [],
        type: task.type,
        tool: task.tool,
        level: depth.get(task),
        is_baseline: task.isBaseline,
      };
      node.tasks.push(task);
      nodes.set(key, node);
    }
    const list = [...nodes.values()].sort((a, b) => TYPES.indexOf(a.type) - TYPES.indexOf(b.type));
    const index = new Map(list.flatMap((node, at) => node.tasks.map((task) => [task, at])));
    const edges = new Map();
    for (const task of pipeline.tasks) {
      for (const parent of task.parents) {
        const key = `${index.get(parent)} ${index.get(task)}`;
        edges.set(key, (edges.get(key) ?? 0) + 1);
      }
    }
    return {
      view: 'groups',
      nodes: list.map((node, id) => ({
        id,
        type: node.type,
        tool: node.tool,
        level: node.level,
        is_baseline: node.is_baseline,
        ready: count(node.tasks, (task) => this.isReady(task)),
        ...this.counts(node.tasks),
      })),
      edges: [...edges].map(([key, number]) => ({
        from: Number(key.split(' ')[0]),
        to: Number(key.split(' ')[1]),
        count: number,
      })),
    };
  }

  graph(pipeline) {
    const tools = [...new Set(pipeline.tasks.map((task) => task.tool))];
    const toolIndex = new Map(tools.map((tool, index) => [tool, index]));
    const index = new Map(pipeline.tasks.map((task, at) => [task, at]));
    const level = new Map();
    for (const task of pipeline.tasks)
      level.set(task, Math.max(-1, ...task.parents.map((one) => level.get(one))) + 1);
    const from = [];
    const to = [];
    for (const task of pipeline.tasks) {
      for (const parent of task.parents) {
        from.push(index.get(parent));
        to.push(index.get(task));
      }
    }
    return {
      view: 'tasks',
      tools,
      types: TYPES,
      statuses: STATUSES,
      tasks: {
        number: pipeline.tasks.map((task) => task.number),
        tool: pipeline.tasks.map((task) => toolIndex.get(task.tool)),
        type: pipeline.tasks.map((task) => TYPES.indexOf(task.type)),
        level: pipeline.tasks.map((task) => level.get(task)),
        usage_counter: pipeline.tasks.map((task) => task.workflows.length),
      },
      edges: { from, to },
      state: {
        status: pipeline.tasks.map((task) => STATUSES.indexOf(task.status)),
        cached: pipeline.tasks.map((task) => (task.cached ? 1 : 0)),
        ready: pipeline.tasks.map((task) => (this.isReady(task) ? 1 : 0)),
      },
    };
  }

  timeline(pipeline) {
    const attempts = pipeline.tasks.flatMap((task) => task.attempts).sort((a, b) => a.assigned_ms - b.assigned_ms);
    const lanes = new Map(
      attempts.map((one) => [
        `${one.worker} ${one.lane}`,
        { worker_id: one.worker_id, worker: one.worker, lane: one.lane },
      ]),
    );
    return {
      now_ms: Date.now(),
      lanes: [...lanes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, lane]) => lane),
      attempts,
      cached: count(pipeline.tasks, (task) => task.cached),
      hits: pipeline.tasks
        .filter((task) => task.cached)
        .map((task) => ({ task_id: `task_${task.number}`, at_ms: pipeline.submitted + 1000 })),
    };
  }

  results(pipeline) {
    const t = this.text;
    const names = ['clean_accuracy', 'attack_success_rate', 'loss'];
    return {
      pipeline_id: pipeline.id,
      name: pipeline.name,
      dataset_name: t('digits'),
      dataset_type: t('clean'),
      metrics: names.map((name) => t(name)).sort(),
      metric_info: {
        [t('clean_accuracy')]: { higher_is_better: true, unit: 'fraction' },
        [t('attack_success_rate')]: { higher_is_better: false, unit: 'fraction' },
        [t('loss')]: { higher_is_better: false, unit: 'number' },
      },
      baseline: pipeline.workflows.find((one) => one.isBaseline)?.id ?? null,
      combinations: pipeline.workflows.map((one) => {
        const metrics = Object.assign({}, ...one.tasks.map((task) => task.metrics));
        const tools = Object.fromEntries(STAGE_KEYS.map((key, index) => [key, one.tools[index] ?? '']));
        return {
          workflow_id: one.id,
          combination: one.name,
          ...tools,
          metrics: Object.fromEntries(names.map((name) => [t(name), metrics[name] ?? null])),
          is_baseline: one.isBaseline,
          total_duration: one.tasks.reduce(
            (sum, task) =>
              sum +
              Math.max(
                0,
                ((task.attempts.at(-1)?.finished_ms ?? 0) - (task.attempts.at(-1)?.started_ms ?? 0)) / 1000,
              ),
            0,
          ),
          combination_status: one.tasks.every((task) => task.status === 'completed')
            ? 'success'
            : one.tasks.some((task) => ['failed', 'skipped', 'cancelled'].includes(task.status))
              ? 'failure'
              : 'running',
        };
      }),
    };
  }

  interactions(pipeline) {
    const t = this.text;
    const tools = [
      ...new Map(
        pipeline.tasks
          .filter((task) => task.type !== 'evaluation')
          .map((task) => [task.tool, { type: task.type, tool: task.tool }]),
      ).values(),
    ];
    const cells = [];
    tools.forEach((row, r) =>
      tools.forEach((column, c) => {
        if (row.type === column.type) return;
        const change = ((r * 7 + c * 13) % 21) / 100 - 0.1;
        const size = Math.abs(change);
        cells.push({
          row: r,
          column: c,
          n: 1 + ((r + c) % 4),
          change,
          relative_change: change,
          severity: size > 0.05 ? 'severe' : size > 0.02 ? 'moderate' : 'none',
          sign: change > 0 ? 'positive' : 'negative',
        });
      }),
    );
    return {
      pipeline_id: pipeline.id,
      metric: t('clean_accuracy'),
      metrics: [t('clean_accuracy'), t('loss')],
      higher_is_better: true,
      moderate_above: 0.02,
      severe_above: 0.05,
      tools,
      cells,
    };
  }

  overview() {
    const all = [...this.pipelines.values()].reverse();
    const unfinished = all.filter((one) => !one.finished);
    const recent = all.filter((one) => one.finished);
    const tasks = unfinished.flatMap((one) => one.tasks);
    const states = { running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 };
    all.forEach((one) => {
      states[one.state] += 1;
    });
    return {
      broker: this.broker(),
      pipelines: states,
      tasks: this.counts(tasks),
      ready: count(tasks, (task) => this.isReady(task)),
      workers: { total: this.workers.length, connected: this.workers.length, cpus: 16, cpus_free: 6 },
      gpus: { total: 4, free: 1, faulty: 0 },
      savings: this.savings(unfinished),
      unfinished: unfinished.map((one) => this.pipelineRow(one)),
      recent: recent.map((one) => this.pipelineRow(one)),
      failures: all.flatMap((one) => this.failures(one)).slice(0, 20),
      waiting: unfinished.flatMap((one) => this.waiting(one)),
      alarms: [],
    };
  }

  broker() {
    return {
      connected: this.connected,
      address: 'tcp://127.0.0.1:7711',
      version: this.text('0.4.0'),
      last_heard_at: iso(Date.now()),
      message: this.connected ? null : this.text('it does not answer'),
    };
  }

  gpus() {
    return this.workers.flatMap((worker, w) =>
      [0, 1].map((index) => ({
        worker_id: worker.worker_id,
        worker: worker.name,
        index,
        model: this.text('NVIDIA A100-SXM4-80GB'),
        state: w === 1 && index === 1 ? 'idle' : 'busy',
        fault: w === 1 && index === 1 ? this.text('a fault in words') : null,
        tasks: w === 1 && index === 1 ? [] : ['task_100001'],
      })),
    );
  }
}

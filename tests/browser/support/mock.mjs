// A stand-in for the gateway: the built page, the API over a World, and the stream of events with positions,
// resuming and resets, as docs/openapi.yaml has them. Security headers are those of the real one.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST =
  process.env.LANDSEER_PAGE ?? join(dirname(fileURLToPath(import.meta.url)), '../../../dashboard/web/dist');
const KINDS = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};
const POLICY =
  "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; " +
  "object-src 'none'";

export class Mock {
  constructor(world) {
    this.world = world;
    this.instance = 'a';
    this.events = [];
    this.first = 1;
    this.streams = new Set();
    this.requests = [];
    this.posts = [];
    this.seen = new Map();
    this.loggedIn = true;
    this.logLeft = Infinity;
    this.logRefusals = 0;
    this.sockets = new Set();
  }

  async start(port = 0) {
    this.server = createServer((request, response) => this.handle(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    this.streams.clear();
  }

  /** As after a restart: positions of before mean nothing. */
  renew() {
    this.instance = String.fromCharCode(this.instance.charCodeAt(0) + 1);
    this.events = [];
  }

  emit(name, data) {
    const event = { name, data, number: this.events.length + 1 };
    this.events.push(event);
    for (const stream of this.streams) stream.write(this.frame(event));
  }

  frame({ name, data, number }) {
    return `id: ${this.instance}-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  /** Tells of tasks that changed, and of their pipeline. */
  tell(pipeline, tasks) {
    this.emit('tasks', { pipeline_id: pipeline.id, tasks: tasks.map((task) => this.world.taskChange(task)) });
    this.emit('pipelines', { pipelines: [this.world.pipelineRow(pipeline)], forgotten: [] });
  }

  handle(request, response) {
    const url = new URL(request.url, 'http://x');
    this.requests.push(`${request.method} ${request.url}`);
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    if (!url.pathname.startsWith('/api/')) return this.file(url.pathname, response);
    const path = url.pathname.replace('/api/v1', '');
    if (!this.loggedIn) return this.error(response, 401, 'no_session', 'there is no session', 'landseer dashboard');
    if (path === '/events') return this.stream(request, url, response);
    if (request.method === 'POST') return this.post(request, path, response);
    if (path.endsWith('/log') && this.logRefusals > 0) {
      this.logRefusals -= 1;
      return this.error(response, 429, 'limit', 'this session reads logs too fast', 'wait a second');
    }
    const answer = this.get(path, url.searchParams);
    return answer === undefined
      ? this.error(response, 404, 'not_found', 'there is no such object', null)
      : this.json(response, 200, answer);
  }

  json(response, status, body) {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' });
    response.end(JSON.stringify(body));
  }

  error(response, status, code, message, hint) {
    this.json(response, status, { error: { code, message, where: null, hint } });
  }

  file(path, response) {
    const wanted = normalize(join(DIST, path));
    const found = wanted.startsWith(DIST) && path !== '/' && existsSync(wanted) ? wanted : join(DIST, 'index.html');
    const packed = found + '.gz';
    const headers = {
      'Content-Type': KINDS[extname(found)] ?? 'application/octet-stream',
      'Cache-Control': path.startsWith('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
    };
    if (existsSync(packed)) headers['Content-Encoding'] = 'gzip';
    response.writeHead(200, headers);
    response.end(readFileSync(existsSync(packed) ? packed : found));
  }

  stream(request, url, response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const asked = request.headers['last-event-id'] ?? url.searchParams.get('last_event_id') ?? '';
    const [instance, number] = asked.split('-');
    const resumed = instance === this.instance;
    response.write('retry: 300\n\n');
    const position = `${this.instance}-${resumed ? number : this.events.length}`;
    response.write(
      `id: ${position}\nevent: hello\ndata: ` +
        `${JSON.stringify({ position, resumed, broker: { connected: this.world.connected } })}\n\n`,
    );
    if (resumed) for (const event of this.events.slice(Number(number))) response.write(this.frame(event));
    else if (asked !== '')
      response.write(
        `id: ${position}\nevent: reset\ndata: ${JSON.stringify({ reason: 'the gateway started anew', position })}\n\n`,
      );
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  post(request, path, response) {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const key = request.headers['idempotency-key'];
      this.posts.push({
        path,
        key,
        body,
        header: request.headers['x-landseer-request'],
        origin: request.headers.origin,
      });
      if (request.headers['x-landseer-request'] !== '1' || !/^[A-Za-z0-9_-]{8,128}$/.test(key ?? ''))
        return this.error(response, 400, 'invalid', 'a header is missing', null);
      if (!this.world.mayAct)
        return this.error(response, 403, 'not_allowed', 'this session may only look', 'landseer dashboard --control');
      if (this.refuseWith) return this.error(response, 409, 'conflict', this.refuseWith, 'look again');
      if (this.seen.has(key)) return this.json(response, 200, this.seen.get(key));
      const answer = this.act(path);
      if (answer === undefined) return this.error(response, 404, 'not_found', 'there is no such object', null);
      this.seen.set(key, answer);
      if (this.dropAnswers > 0) {
        this.dropAnswers -= 1;
        return request.socket.destroy();
      }
      return this.json(response, 200, answer);
    });
  }

  act(path) {
    const [, kind, id, verb] = path.split('/');
    const { world } = this;
    if (kind === 'tasks') {
      const entry = world.tasks.get(id);
      if (!entry) return undefined;
      world.actions.push(`${verb} ${id}`);
      const touched = [];
      const revive = (task) => {
        task.status = 'pending';
        task.reason = null;
        touched.push(task);
        task.children.filter((child) => child.status === 'skipped').forEach(revive);
      };
      if (verb === 'retry') revive(entry.task);
      else {
        entry.task.status = 'cancelled';
        touched.push(entry.task);
      }
      setTimeout(() => this.tell(entry.pipeline, touched), 20);
      return { action: verb, task_id: id, tasks: touched.length, running: 0, paused: false };
    }
    if (kind === 'workers') {
      const worker = world.workers.find((one) => one.worker_id === id);
      if (!worker) return undefined;
      world.actions.push(`${verb} ${id}`);
      worker.state = verb === 'drain' ? 'draining' : 'connected';
      setTimeout(() => this.emit('workers', { workers: [worker], gone: [] }), 20);
      return { action: verb };
    }
    const pipeline = world.pipelines.get(id);
    if (kind !== 'pipelines' || !pipeline) return undefined;
    world.actions.push(`${verb} ${id}`);
    if (verb === 'priority') pipeline.priority = JSON.parse(this.posts.at(-1).body).priority;
    if (verb === 'pause') pipeline.state = 'paused';
    if (verb === 'resume') pipeline.state = 'running';
    if (verb === 'cancel') {
      pipeline.state = 'cancelled';
      pipeline.finished = Date.now();
      pipeline.tasks
        .filter((task) => task.status === 'pending' || task.status === 'running')
        .forEach((task) => {
          task.status = 'cancelled';
        });
    }
    setTimeout(() => this.emit('pipelines', { pipelines: [world.pipelineRow(pipeline)], forgotten: [] }), 20);
    return {
      action: verb,
      pipeline_id: id,
      tasks: 3,
      running: 1,
      paused: false,
      changed: true,
      state: pipeline.state,
    };
  }

  get(path, params) {
    const { world } = this;
    const [, kind, id, part] = path.split('/');
    if (kind === 'session') {
      return {
        role: world.mayAct ? 'user' : 'reader',
        may_act: world.mayAct,
        expires_at: null,
        ...(world.offered ? { actions: world.offered } : {}),
        version: '0.4.0',
        broker: world.broker(),
      };
    }
    if (kind === 'overview') return world.overview();
    if (kind === 'gpus') return { gpus: world.gpus() };
    if (kind === 'workers') {
      if (!id) return { workers: world.workers };
      const worker = world.workers.find((one) => one.worker_id === id);
      const running = [...world.tasks.values()]
        .flatMap(({ task }) => task.attempts)
        .filter((one) => one.finished_ms === 0 && one.worker_id === id);
      return worker && { worker, attempts: running };
    }
    if (kind === 'tasks') {
      const entry = world.tasks.get(id);
      if (!entry) return undefined;
      if (!part) return world.taskDetail(entry);
      if (part === 'explain') return world.explain(entry);
      return this.log(id, entry, params);
    }
    if (kind !== 'pipelines') return undefined;
    if (!id) {
      const rows = [...world.pipelines.values()]
        .reverse()
        .filter((one) => !params.get('state') || one.state === params.get('state'));
      return { pipelines: rows.map((one) => world.pipelineRow(one)), total: rows.length, next_offset: null };
    }
    const pipeline = world.pipelines.get(id);
    if (!pipeline) return undefined;
    switch (part) {
      case undefined:
        return world.detail(pipeline);
      case 'graph':
        return params.get('view') === 'tasks' ? world.graph(pipeline) : world.groups(pipeline);
      case 'critical-path':
        return world.criticalPath(pipeline);
      case 'timeline':
        return world.timeline(pipeline);
      case 'results':
        return world.results(pipeline);
      case 'interactions':
        return world.interactions(pipeline);
      case 'tasks':
        return this.taskPage(pipeline, params);
      default:
        return undefined;
    }
  }

  taskPage(pipeline, params) {
    const { world } = this;
    const statuses = (params.get('status') ?? '').split(',').filter(Boolean);
    const search = (params.get('search') ?? '').toLowerCase();
    let rows = pipeline.tasks
      .filter(
        (task) =>
          (statuses.length === 0 || statuses.includes(task.status)) &&
          (!params.get('tool') || task.tool === params.get('tool')) &&
          (!params.get('type') || task.type === params.get('type')) &&
          (!params.get('workflow') || task.workflows.includes(params.get('workflow'))),
      )
      .map((task) => world.taskRow({ task, pipeline }));
    if (search)
      rows = rows.filter((row) =>
        [row.task_id, row.tool, row.worker, row.reason].join('\n').toLowerCase().includes(search),
      );
    const sort = params.get('sort') ?? '';
    const key = {
      tool: 'tool',
      status: 'status',
      priority: 'priority',
      started: 'started_at',
      finished: 'finished_at',
    }[sort.replace('-', '')];
    if (key) rows.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0) * (sort.startsWith('-') ? -1 : 1));
    const offset = Number(params.get('offset') ?? 0);
    const limit = Number(params.get('limit') ?? 100);
    return {
      tasks: rows.slice(offset, offset + limit),
      total: rows.length,
      next_offset: offset + limit < rows.length ? offset + limit : null,
    };
  }

  log(id, { task }, params) {
    const { world } = this;
    const attempt = Number(params.get('attempt') ?? task.attempts.length);
    const known =
      world.logs.get(id) ?? world.text(`attempt ${attempt} of ${task.plainTool}\n\u001b[32mepoch 1\u001b[0m done\n`);
    const bytes = Buffer.from(known, 'utf8');
    const asked = params.has('tail')
      ? Math.max(0, bytes.length - Number(params.get('tail')))
      : Math.min(bytes.length, Number(params.get('offset') ?? 0));
    // As for a viewer that is behind what it may read now.
    const from = params.get('wait') === '1' ? Math.max(asked, bytes.length - this.logLeft) : asked;
    return {
      task_id: id,
      attempt,
      worker: task.attempts.at(-1)?.worker ?? '',
      offset: from,
      next_offset: bytes.length,
      left_out: 0,
      skipped: from - asked,
      size: bytes.length,
      finished: task.status !== 'running',
      text: bytes.subarray(from).toString('utf8'),
    };
  }
}

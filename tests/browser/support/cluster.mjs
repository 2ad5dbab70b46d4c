// A real broker, real workers and a real gateway in a folder of their own. Processes say when they are ready.
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const BIN = process.env.LANDSEER_BIN ?? join(ROOT, 'build/dev/bin');
export const PAGE = process.env.LANDSEER_PAGE ?? join(ROOT, 'dashboard/web/dist');
export const EXAMPLES = join(ROOT, 'deploy/examples');
const PATIENCE_MS = 60_000;

export const hasGateway = () => existsSync(join(BIN, 'landseer-dashboard'));

export async function until(condition, what, patienceMs = PATIENCE_MS) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Cluster {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'landseer-page-'));
    this.home = join(this.folder, 'home');
    this.images = join(this.folder, 'images');
    mkdirSync(this.home);
    mkdirSync(this.images);
    const kept = Object.entries(process.env).filter(
      ([name]) => !name.startsWith('LANDSEER_') && name !== 'PYTHONPATH',
    );
    this.environment = { ...Object.fromEntries(kept), LANDSEER_HOME: this.home, TZ: 'UTC', LC_ALL: 'C.UTF-8' };
    this.services = new Map();
    this.submitted = 0;
  }

  /** Starts a program and returns the words behind its `ready`. */
  async start(name, program, ...words) {
    const log = join(this.folder, `${name}.log`);
    const errors = openSync(log, 'a');
    const child = spawn(join(BIN, program), words.map(String), {
      env: this.environment,
      cwd: this.folder,
      stdio: ['ignore', 'pipe', errors],
    });
    this.services.set(name, child);
    child.ended = new Promise((resolve) => child.once('exit', resolve));
    let out = '';
    child.stdout.on('data', (piece) => {
      out += piece;
    });
    const line = await until(
      () => (child.exitCode !== null ? 'ended' : /^ready .*\n/m.exec(out)?.[0]),
      `${name} is ready`,
    );
    if (line === 'ended') throw new Error(`${name} ended with ${child.exitCode}: ${readFileSync(log, 'utf8')}`);
    return line.trim().split(' ').slice(1);
  }

  async startBroker() {
    const binds = this.addresses ?? ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'tcp://127.0.0.1:0'];
    this.addresses = await this.start(
      'broker',
      'landseer-broker',
      '--state',
      join(this.home, 'state'),
      '--lease',
      '30s',
      '--workers-bind',
      binds[0],
      '--clients-bind',
      binds[1],
      '--bulk-bind',
      binds[2],
    );
  }

  startWorker(name, ...words) {
    return this.start(
      name,
      'landseer-worker',
      '--name',
      name,
      '--memory',
      '1GiB',
      '--scratch',
      join(this.folder, 'workers', name),
      '--runtime',
      'process',
      '--data-bind',
      'tcp://127.0.0.1:0',
      ...(words.includes('--images') ? [] : ['--images', this.images]),
      ...words,
    );
  }

  async startGateway() {
    const bind = this.url ? new URL(this.url).host : '127.0.0.1:0';
    [this.url] = await this.start('dashboard', 'landseer-dashboard', '--bind', bind, '--web', PAGE);
    return this.url;
  }

  async end(name, signal = 'SIGTERM') {
    const child = this.services.get(name);
    if (!child) return;
    this.services.delete(name);
    child.kill(signal);
    await child.ended;
  }

  async stop() {
    const workers = [...this.services.keys()].filter((name) => name !== 'broker');
    await Promise.all(workers.map((name) => this.end(name)));
    await this.end('broker');
    rmSync(this.folder, { recursive: true, force: true });
  }

  logs() {
    return [...this.services.keys()]
      .map(
        (name) =>
          `--- ${name}\n${readFileSync(join(this.folder, `${name}.log`), 'utf8')
            .split('\n')
            .slice(-20)
            .join('\n')}`,
      )
      .join('\n');
  }

  /** What `landseer --json WORDS` answers. */
  ask(...words) {
    const done = spawnSync(join(BIN, 'landseer'), ['--json', ...words.map(String)], {
      env: this.environment,
      cwd: this.folder,
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    });
    if (done.status !== 0)
      throw new Error(`landseer ${words.join(' ')} ended with ${done.status}: ${done.stdout}${done.stderr}`);
    return JSON.parse(done.stdout);
  }

  link(mayAct = true) {
    return this.ask('dashboard', ...(mayAct ? ['--control'] : [])).link;
  }

  /** Submits a native pipeline: tools {key: {script, ...more}}, workflows {name: [tool, ...]}. */
  submit(name, tools, workflows) {
    this.submitted += 1;
    const path = join(this.folder, `pipeline-${this.submitted}.yaml`);
    const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    writeFileSync(
      path,
      JSON.stringify({
        name,
        tools: Object.fromEntries(
          Object.entries(tools).map(([key, { script, ...more }]) => [
            key,
            { container: { image: 'test/shell:1', command: `sh -c ${quote(script)}` }, ...more },
          ]),
        ),
        workflows: Object.entries(workflows).map(([workflow, tasks]) => ({ name: workflow, tasks })),
      }),
    );
    return this.ask('submit', path).pipeline_id;
  }

  touch(name) {
    appendFileSync(join(this.folder, name), '\n');
  }

  exportDigits() {
    const done = spawnSync(
      '/usr/bin/python3',
      ['-B', join(EXAMPLES, 'export_digits.py'), join(this.folder, 'digits')],
      { encoding: 'utf8' },
    );
    if (done.status !== 0) throw new Error(`export_digits.py: ${done.stderr}`);
    return join(this.folder, 'digits');
  }
}

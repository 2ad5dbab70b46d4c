// Bundles each tests/*_test.ts and runs them with Node's own test runner. Arguments choose by name.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const names = readdirSync(join(here, 'tests'))
  .filter((name) => /_test\.tsx?$/.test(name))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (names.length === 0) {
  console.error(`test: no file of tests/ is called ${wanted.join(', ')}`);
  process.exit(2);
}
const out = join(here, 'node_modules', '.landseer-tests');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: names.map((name) => join('tests', name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node18',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  sourcemap: 'inline',
  define: { PAGE_FOLDER: JSON.stringify(here) },
  logLevel: 'warning',
});
const files = readdirSync(out)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => join(out, name));
// The reporter is named: without a terminal Node 18 and later differ.
const done = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { encoding: 'utf8' });
const passed = /^(?:#|ℹ) pass (\d+)$/m.exec(done.stdout)?.[1] ?? '0';
if (done.status !== 0 || passed === '0') {
  process.stdout.write(done.stdout);
  process.stderr.write(done.stderr);
  process.exit(1);
}
console.log(`  ${passed} passed`);

// Bundles the page into dist/: index.html, and assets/ whose names hold a hash of their content, each
// with its gzip form beside it, so that the gateway compresses nothing. Run by build.sh.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const SHELL_BYTES_MAX = 60 * 1024; // script that the first paint needs, compressed
const CHUNK_BYTES_MAX = 220 * 1024; // any script that is loaded later, compressed

const result = await build({
  absWorkingDir: here,
  entryPoints: { main: 'src/main.tsx', style: 'src/style/main.css' },
  outdir: 'dist.new/assets',
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2021'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  metafile: true,
  write: false,
  legalComments: 'none',
  logLevel: 'warning',
});

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'assets'), { recursive: true });
const sizes = new Map();
for (const file of result.outputFiles) {
  const name = file.path.split('/').pop();
  const packed = gzipSync(file.contents, { level: 9 });
  sizes.set(name, { bytes: file.contents.length, gzip: packed.length });
  writeFileSync(join(dist, 'assets', name), file.contents);
  writeFileSync(join(dist, 'assets', name + '.gz'), packed);
}

const outputs = Object.entries(result.metafile.outputs).map(([path, data]) => ({
  name: path.split('/').pop(),
  data,
}));
const entry = outputs.find((one) => one.data.entryPoint === 'src/main.tsx');
const style = outputs.find((one) => one.data.entryPoint === 'src/style/main.css');

// What the browser fetches before it can paint: the entry and everything it imports at once.
const shell = new Set();
const visit = (name) => {
  if (shell.has(name)) return;
  shell.add(name);
  const one = outputs.find((output) => output.name === name);
  for (const imported of one.data.imports) {
    if (imported.kind === 'import-statement') visit(imported.path.split('/').pop());
  }
};
visit(entry.name);

// The icon's name holds a hash as well: everything below /assets/ is kept by browsers for ever.
const icon = readFileSync(join(here, 'src/static/icon.svg'));
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()}.svg`;
writeFileSync(join(dist, 'assets', iconName), icon);
sizes.set(iconName, { bytes: icon.length, gzip: gzipSync(icon).length });

const preloads = [...shell]
  .filter((name) => name !== entry.name)
  .map((name) => `<link rel="modulepreload" href="/assets/${name}">`);
const page = readFileSync(join(here, 'src/index.html'), 'utf8')
  .replace('<!-- preloads -->', preloads.join('\n    '))
  .replaceAll('main.js', entry.name)
  .replaceAll('style.css', style.name)
  .replaceAll('icon.svg', iconName);
writeFileSync(join(dist, 'index.html'), page);

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
let tooLarge = false;
let shellBytes = 0;
const table = [];
for (const name of readdirSync(join(dist, 'assets'))
  .filter((one) => !one.endsWith('.gz'))
  .sort()) {
  const { bytes, gzip } = sizes.get(name);
  const part = shell.has(name) ? 'shell' : name.endsWith('.css') ? 'style' : 'later';
  if (part === 'shell') shellBytes += gzip;
  if (part === 'later' && gzip > CHUNK_BYTES_MAX) tooLarge = true;
  table.push(`  ${part}  ${name.padEnd(24)} ${kib(bytes).padStart(10)}  gzip ${kib(gzip).padStart(9)}`);
}
console.log(table.join('\n'));
console.log(`  shell script: ${kib(shellBytes)} compressed, at most ${kib(SHELL_BYTES_MAX)}`);
writeFileSync(
  join(dist, 'sizes.json'),
  JSON.stringify({ shell_gzip_bytes: shellBytes, files: Object.fromEntries(sizes) }, null, 2) + '\n',
);
if (shellBytes > SHELL_BYTES_MAX || tooLarge) {
  console.error('build: a script is larger than allowed, see the table above; load less at the start');
  process.exit(1);
}

// Text of tools, files and workers reaches the page as text nodes only, and nothing needs a policy weaker
// than `default-src 'self'`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

declare const PAGE_FOLDER: string;

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : [path];
  });
}

const FORBIDDEN: readonly [RegExp, string][] = [
  [/innerHTML|__html|outerHTML|insertAdjacentHTML|createContextualFragment|srcdoc|DOMParser/i, 'makes markup of text'],
  [/document\.write|\beval\s*\(|new Function\b|setTimeout\(\s*['"`]/, 'makes code of text'],
  [/setAttribute\(\s*['"]style|cssText|style="|style=\{`|style='/, 'sets a style by a string'],
  [/javascript:|https?:\/\/(?!www\.w3\.org\/2000\/svg)/, 'leads somewhere else'],
];

test('nothing makes markup or code of text, sets styles by strings, or names another host', () => {
  const broken: string[] = [];
  for (const path of sources(join(PAGE_FOLDER, 'src'))) {
    readFileSync(path, 'utf8')
      .split('\n')
      .forEach((line, index) => {
        for (const [pattern, why] of FORBIDDEN)
          if (pattern.test(line)) broken.push(`${path}:${index + 1}: ${why}: ${line.trim().slice(0, 80)}`);
      });
  }
  assert.deepEqual(broken, []);
});

test('the document has no inline script, style or handler', () => {
  const page = readFileSync(join(PAGE_FOLDER, 'src/index.html'), 'utf8');
  assert.doesNotMatch(page, /<style|\sstyle=|\son[a-z]+=/i);
  for (const match of page.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
    assert.match(match[1]!, /\bsrc="\/assets\//);
    assert.equal(match[2], '');
  }
});

test('the page has no more run-time packages than were looked at', () => {
  const { dependencies } = JSON.parse(readFileSync(join(PAGE_FOLDER, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  assert.deepEqual(Object.keys(dependencies).sort(), ['@preact/signals', 'preact']);
  const lock = JSON.parse(readFileSync(join(PAGE_FOLDER, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity?: string; dev?: boolean }>;
  };
  for (const [name, entry] of Object.entries(lock.packages))
    assert.ok(name === '' || entry.integrity, `${name} has no digest`);
});

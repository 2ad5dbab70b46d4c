// A headless Chromium of the system, and what every test does with it.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const CHROMIUM =
  process.env.LANDSEER_CHROMIUM ??
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((one) => existsSync(one));

export async function launch() {
  const args = ['--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * A page that writes down what must not happen: errors, messages of the security policy, requests to anywhere
 * else, and dialogs, which no script of ours opens.
 */
export async function openPage(browser, origin, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const bad = [];
  page.on('pageerror', (error) => bad.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      bad.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('blob:') && !request.url().startsWith('data:'))
      bad.push(`request: ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    bad.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.setDefaultTimeout(60_000);
  return { page, context, bad };
}

export const OPTIONS = [
  ['none_pre', 'outlier_removal'],
  ['none_in', 'trades', 'dp_sgd'],
  ['none_post', 'pruning'],
  ['none_dep', 'watermark'],
];

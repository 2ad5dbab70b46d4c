// Keys of the whole page, and the dialog that lists them.
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { change, go, place, query } from '../base/router.ts';
import { TABS } from '../base/url.ts';
import { toggleTheme } from './frame.tsx';

export const helpShown = signal(false);

const KEYS: readonly [string[], string][] = [
  [['/'], 'search pipelines, tasks and workers'],
  [['g', 'o'], 'overview'],
  [['g', 'p'], 'pipelines'],
  [['g', 'w'], 'workers and GPUs'],
  [['1', '…', '6'], 'tabs of a pipeline: progress, graph, timeline, tasks, results, events'],
  [['j', 'k'], 'next and previous row of a table'],
  [['Enter'], 'opens the row'],
  [['+', '−', '0'], 'in graph and timeline: closer, farther, everything'],
  [['←', '↑', '→', '↓'], 'in graph and timeline: move'],
  [['f'], 'follow the end of a log, or not'],
  [['d'], 'dark or light'],
  [['Esc'], 'closes what is open, or ends a selection'],
  [['?'], 'this list'],
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable);

/** The rows that j and k walk through: links and buttons that are marked so. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

export function startKeys(): void {
  let before = '';
  let beforeAt = 0;
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    const chord = before === 'g' && event.timeStamp - beforeAt < 1500;
    before = event.key;
    beforeAt = event.timeStamp;
    const where = place.value;
    if (chord && event.key === 'o') go({ page: 'overview' });
    else if (chord && event.key === 'p') go({ page: 'pipelines' });
    else if (chord && event.key === 'w') go({ page: 'workers' });
    else if (event.key === '?') helpShown.value = true;
    else if (event.key === '/') document.getElementById('search')?.focus();
    else if (event.key === 'd') toggleTheme();
    else if (event.key === 'Escape' && (query.value['sel'] ?? query.value['group']))
      change({ sel: null, group: null });
    else if (event.key === 'j') step(1);
    else if (event.key === 'k') step(-1);
    else if (where.page === 'pipeline' && /^[1-6]$/.test(event.key))
      go({ ...where, tab: TABS[Number(event.key) - 1]! });
    else return;
    event.preventDefault();
  });
}

export function Help(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = helpShown.value;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [shown]);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="keys-title"
      onClose={() => {
        helpShown.value = false;
      }}
    >
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <>
            <dt>
              {keys.map((key) => (
                <>
                  <kbd>{key}</kbd>{' '}
                </>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            helpShown.value = false;
          }}
        >
          Close
        </button>
      </div>
    </dialog>
  );
}

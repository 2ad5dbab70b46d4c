// The bar at the top, and the banner that says when what is shown may be old.
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, withParams } from '../api/client.ts';
import { brokerConnected, connection, lastEventAt } from '../api/live.ts';
import { session } from '../api/session.ts';
import type { PipelinePage, Worker } from '../api/types.ts';
import { go, hrefOf, place } from '../base/router.ts';
import type { Place } from '../base/url.ts';
import { Ago } from './basics.tsx';
import { helpShown } from './keys.tsx';

type Theme = 'light' | 'dark';
const theme = signal<Theme>('light');
const THEME_KEY = 'landseer-theme';

const stored = (): string | null => {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null; // storage is switched off: the system's choice it is
  }
};

/** Follows the system until somebody chooses. */
export function startTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    const chosen = stored();
    theme.value = chosen === 'dark' || chosen === 'light' ? chosen : dark.matches ? 'dark' : 'light';
    document.documentElement.dataset['theme'] = theme.value;
  };
  dark.addEventListener('change', apply);
  apply();
}

/** Read by what draws on a canvas, so that it draws again. */
export const currentTheme = theme;

export function toggleTheme(): void {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(THEME_KEY, next);
  } catch {
    // It holds until the page is left, then.
  }
  theme.value = next;
  document.documentElement.dataset['theme'] = next;
}

interface Hit {
  place: Place;
  label: string;
  kind: string;
}

async function find(text: string): Promise<Hit[]> {
  const wanted = text.trim().toLowerCase();
  const hits: Hit[] = [];
  const id = /^(?:(pipeline|task|worker)[_ ]?)?(\d{1,12})$/.exec(wanted);
  if (id) {
    const kinds = id[1] ? [id[1]] : ['task', 'pipeline'];
    for (const kind of kinds) {
      const full = `${kind}_${id[2]}`;
      const where: Place =
        kind === 'task'
          ? { page: 'task', id: full }
          : kind === 'worker'
            ? { page: 'worker', id: full }
            : { page: 'pipeline', id: full, tab: 'progress' };
      hits.push({ place: where, label: full, kind });
    }
  }
  const [pipelines, workers] = await Promise.all([
    get<PipelinePage>(withParams('/pipelines', { limit: 1000 })).then(
      (page) => page.pipelines,
      () => [],
    ),
    get<{ workers: Worker[] }>('/workers').then(
      (page) => page.workers,
      () => [],
    ),
  ]);
  for (const one of pipelines) {
    if (one.name.toLowerCase().includes(wanted)) {
      hits.push({
        place: { page: 'pipeline', id: one.pipeline_id, tab: 'progress' },
        label: one.name,
        kind: one.pipeline_id,
      });
    }
  }
  for (const one of workers) {
    if (one.name.toLowerCase().includes(wanted))
      hits.push({ place: { page: 'worker', id: one.worker_id }, label: one.name, kind: 'worker' });
  }
  return hits.slice(0, 12);
}

function Search(): JSX.Element {
  const [text, setText] = useState('');
  const [hits, setHits] = useState<Hit[]>([]);
  const [picked, setPicked] = useState(0);
  const asked = useRef(0);
  const close = (): void => {
    setText('');
    setHits([]);
  };
  useEffect(() => {
    const mine = (asked.current += 1);
    if (text.trim() === '') {
      setHits([]);
      return undefined;
    }
    const timer = setTimeout(
      () =>
        void find(text).then((found) => {
          if (mine !== asked.current) return;
          setHits(found);
          setPicked(0);
        }),
      120,
    );
    return () => clearTimeout(timer);
  }, [text]);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      close();
      (event.currentTarget as HTMLElement).blur();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setPicked((picked + (event.key === 'ArrowDown' ? 1 : hits.length - 1)) % Math.max(1, hits.length));
    } else if (event.key === 'Enter' && hits[picked]) {
      go(hits[picked]!.place);
      close();
      (event.currentTarget as HTMLElement).blur();
    }
  };
  return (
    <div class="search" role="search">
      <input
        id="search"
        type="search"
        placeholder="Search  /"
        aria-label="Search pipelines, tasks and workers"
        autocomplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      {text.trim() !== '' ? (
        <ul class="search-list">
          {hits.length === 0 ? <li class="empty">nothing has this name or number</li> : null}
          {hits.map((hit, index) => (
            <li key={hit.kind + hit.label}>
              <a href={hrefOf(hit.place)} aria-selected={index === picked} onClick={close}>
                <span class="break">{hit.label}</span>
                <span class="faint">{hit.kind}</span>
              </a>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function LiveMark(): JSX.Element {
  const state = connection.value;
  if (state === 'live' && !brokerConnected.value)
    return (
      <span class="live lost">
        <i />
        broker away
      </span>
    );
  if (state === 'live')
    return (
      <span class="live" title="what changes is shown as it changes">
        <i />
        live
      </span>
    );
  if (state === 'lost')
    return (
      <span class="live lost">
        <i />
        reconnecting
      </span>
    );
  if (state === 'no session')
    return (
      <span class="live lost">
        <i />
        not logged in
      </span>
    );
  return (
    <span class="live wait">
      <i />
      {state === 'asleep' ? 'asleep' : 'connecting'}
    </span>
  );
}

const PAGES: readonly { label: string; place: Place; of: readonly string[] }[] = [
  { label: 'Overview', place: { page: 'overview' }, of: ['overview'] },
  { label: 'Pipelines', place: { page: 'pipelines' }, of: ['pipelines', 'pipeline', 'task'] },
  { label: 'Workers', place: { page: 'workers' }, of: ['workers', 'worker'] },
];

export function Header(): JSX.Element {
  const page = place.value.page;
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
          <path d="M3 3h4v4M3 8h6v5M11 3v4h2M3 13h2" />
        </svg>
        Landseer
      </a>
      <nav class="nav" aria-label="pages">
        {PAGES.map((one) => (
          <a key={one.label} href={hrefOf(one.place)} aria-current={one.of.includes(page) ? 'page' : undefined}>
            {one.label}
          </a>
        ))}
      </nav>
      <div class="top-right">
        <Search />
        <LiveMark />
        <button
          type="button"
          class="icon-button"
          onClick={toggleTheme}
          title="dark or light (d)"
          aria-label="dark or light"
        >
          <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
            <path d="M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z" />
          </svg>
        </button>
        <button
          type="button"
          class="icon-button"
          onClick={() => {
            helpShown.value = true;
          }}
          title="keys (?)"
          aria-label="keys"
        >
          ?
        </button>
      </div>
    </header>
  );
}

export function Banner(): JSX.Element | null {
  const state = connection.value;
  if (state === 'no session') {
    return (
      <div class="banner bad" role="alert">
        You are not logged in, or the session has ended. Get a new link with <code>landseer dashboard</code>.
      </div>
    );
  }
  if (state === 'lost') {
    return (
      <div class="banner" role="status">
        The dashboard does not answer; trying again. What is shown is from <Ago time={lastEventAt.value} />.
      </div>
    );
  }
  if (state === 'live' && !brokerConnected.value) {
    const why = session.value?.broker.message;
    return (
      <div class="banner" role="status">
        The broker is away{why ? `: ${why}` : ''}. Tasks that run go on; this page catches up when it is back.
      </div>
    );
  }
  return null;
}

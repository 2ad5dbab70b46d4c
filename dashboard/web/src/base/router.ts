// The browser's address as a signal. Every state that a view has is in it, so that a link says it all.
import { computed, signal } from '@preact/signals';
import { formatRoute, parseRoute, withQuery, type Place, type Query, type Route } from './url.ts';

const current = (): Route => parseRoute(location.pathname, location.search);

export const route = signal<Route>(current());
export const place = computed(() => route.value.place);
export const query = computed(() => route.value.query);

export const hrefOf = (where: Place, params: Query = {}): string => formatRoute({ place: where, query: params });

export function go(where: Place, params: Query = {}): void {
  history.pushState(null, '', hrefOf(where, params));
  route.value = current();
  scrollTo(0, 0);
}

/** Changes the state of the view that is shown. Not a step of the history unless `step`. */
export function change(changes: Readonly<Record<string, string | null>>, step = false): void {
  const next = withQuery(route.value.query, changes);
  const href = hrefOf(route.value.place, next);
  if (href === location.pathname + location.search) return;
  if (step) history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  route.value = current();
}

export function startRouter(): void {
  addEventListener('popstate', () => {
    route.value = current();
  });
  // Links are real ones: a new tab, copying and the status line work. A plain click stays in the page.
  document.addEventListener('click', (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.target !== '' || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    if (link.href === location.href) return;
    history.pushState(null, '', link.href);
    route.value = current();
    scrollTo(0, 0);
  });
}

// A snapshot that stays fresh: fetched, and fetched again when events say that it has changed, not more
// often than a gap allows. While the gateway is away the last snapshot stays, with the error beside it.
import { signal, type ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError, get } from './client.ts';
import { connection, listen, type Topic } from './live.ts';

export interface Resource<T> {
  data: ReadonlySignal<T | null>;
  error: ReadonlySignal<ApiError | null>;
  reload: () => void;
}

const RETRY_MS = 3000;

export function useResource<T>(path: string | null, topics: readonly Topic[], gapMs = 1000): Resource<T> {
  const state = useMemo(
    () => ({ data: signal<T | null>(null), error: signal<ApiError | null>(null), reload: () => {} }),
    [path],
  );
  useEffect(() => {
    if (path === null) return undefined;
    const { data, error } = state;
    let stopped = false;
    let loading = false;
    let changedMeanwhile = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let finishedAt = -Infinity;
    const abort = new AbortController();

    const schedule = (waitMs: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        timer = undefined;
        void load();
      }, waitMs);
    };
    const load = async (): Promise<void> => {
      loading = true;
      changedMeanwhile = false;
      let passing = false;
      try {
        const answer = await get<T>(path, abort.signal);
        if (stopped) return;
        data.value = answer;
        error.value = null;
      } catch (problem) {
        if (stopped || !(problem instanceof ApiError)) return;
        error.value = problem;
        if (problem.status === 401) connection.value = 'no session';
        // What passes is tried again; what does not exist, or is not for us, only when something changes.
        passing = problem.status === 0 || problem.status === 503 || problem.status === 429;
      } finally {
        loading = false;
      }
      finishedAt = performance.now();
      if (passing) schedule(RETRY_MS);
      else if (changedMeanwhile) schedule(gapMs);
    };
    const changed = (atOnce: boolean): void => {
      if (loading) changedMeanwhile = true;
      else if (atOnce) schedule(0);
      else if (timer === undefined) schedule(Math.max(0, finishedAt + gapMs - performance.now()));
    };
    state.reload = () => changed(true);
    const forget = listen((change) => {
      if (change.topic === 'reset') changed(true);
      else if (topics.includes(change.topic)) changed(false);
    });
    void load();
    return () => {
      stopped = true;
      abort.abort();
      clearTimeout(timer);
      forget();
    };
  }, [path]);
  return { data: state.data, error: state.error, reload: () => state.reload() };
}

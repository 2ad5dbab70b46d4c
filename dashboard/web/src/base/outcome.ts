// How an attempt ended, in words. `null` is an attempt that runs.

export type Kind = 'running' | 'good' | 'bad' | 'neutral';

const WORDS: Readonly<Record<string, string>> = {
  succeeded: 'succeeded',
  exit_code: 'exit code',
  signal: 'ended by a signal',
  timeout: 'time limit reached',
  oom: 'out of memory',
  runtime_error: 'could not be started',
  input_missing: 'an input is missing',
  cancelled: 'cancelled',
  returned: 'given back by the worker',
  worker_lost: 'the worker was lost',
};

export const outcomeWord = (outcome: string | null): string =>
  outcome === null ? 'running' : (WORDS[outcome] ?? outcome.replaceAll('_', ' '));

/** Given back or cancelled is nobody's fault and no success either. */
export function outcomeKind(outcome: string | null): Kind {
  if (outcome === null) return 'running';
  if (outcome === 'succeeded') return 'good';
  return outcome === 'cancelled' || outcome === 'returned' ? 'neutral' : 'bad';
}

// Events of the past and of the moment as lines of one list. Pure.
import type { Attempt, TaskChange } from '../api/types.ts';
import { outcomeKind, outcomeWord } from '../base/outcome.ts';

export const MAX_EVENTS = 20_000;

export interface PastEvent {
  at: number;
  task: string;
  /** `started`, or a status. */
  what: string;
  worker: string;
  text: string;
  key: string;
}

function ofAttempt(attempt: Attempt): PastEvent[] {
  const base = { task: attempt.task_id, worker: attempt.worker };
  const name = `attempt ${attempt.attempt}`;
  const made: PastEvent[] = [];
  const began = attempt.started_ms || attempt.assigned_ms;
  made.push({
    ...base,
    at: began,
    what: 'started',
    key: `${attempt.task_id} ${attempt.attempt} start`,
    text: attempt.gpus.length > 0 ? `${name}, GPU ${attempt.gpus.join(', ')}` : name,
  });
  if (attempt.finished_ms > 0) {
    const kind = outcomeKind(attempt.outcome);
    const well = kind === 'good';
    const known = kind === 'neutral' ? 'cancelled' : 'failed';
    made.push({
      ...base,
      at: attempt.finished_ms,
      what: well ? 'completed' : known,
      key: `${attempt.task_id} ${attempt.attempt} end`,
      text: well ? name : `${name}: ${outcomeWord(attempt.outcome)}`,
    });
  }
  return made;
}

export const eventsOf = (attempts: readonly Attempt[]): PastEvent[] => attempts.flatMap(ofAttempt);

/** What a change of a task adds to the list: its attempt, or an end without one. */
export function fromChange(change: TaskChange): PastEvent[] {
  const made = change.last_attempt ? ofAttempt(change.last_attempt) : [];
  const quiet =
    change.status === 'skipped' || change.status === 'cancelled' || (change.status === 'completed' && change.cached);
  if (quiet && !made.some((one) => one.what === change.status)) {
    made.push({
      at: change.finished_ms,
      task: change.task_id,
      what: change.cached ? 'cached' : change.status,
      worker: '',
      text: change.reason ?? '',
      key: `${change.task_id} end`,
    });
  }
  if (change.status === 'failed' && change.reason) {
    for (const one of made) if (one.what === 'failed') one.text += `: ${change.reason}`;
  }
  return made;
}

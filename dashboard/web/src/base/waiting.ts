// Reasons to wait, the ones that somebody can do something about first.
import type { Waiting } from '../api/types.ts';

const ORDER: Readonly<Record<string, number>> = { resources: 0, retry: 1, paused: 2, joined: 3 };

/** Waiting for one's own dependencies is the rule and only counted; the rest is sorted by urgency. */
export function sortedWaiting(waiting: readonly Waiting[]): { some: Waiting[]; behind: number } {
  const some = waiting
    .filter((one) => one.code !== 'dependencies')
    .sort((a, b) => (ORDER[a.code] ?? 9) - (ORDER[b.code] ?? 9) || b.tasks - a.tasks);
  const behind = waiting.reduce((sum, one) => sum + (one.code === 'dependencies' ? one.tasks : 0), 0);
  return { some, behind };
}

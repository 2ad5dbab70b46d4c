// Who looks at the page, and what they may do.
import { signal } from '@preact/signals';
import { ApiError, get } from './client.ts';
import { connection, listen } from './live.ts';
import type { Session } from './types.ts';

export const session = signal<Session | null>(null);

async function load(): Promise<void> {
  try {
    session.value = await get<Session>('/session');
  } catch (problem) {
    if (problem instanceof ApiError && problem.status === 401) {
      session.value = null;
      connection.value = 'no session';
    }
  }
}

export function startSession(): void {
  void load();
  listen(({ topic }) => {
    if (topic === 'reset' || topic === 'broker') void load();
  });
}

import type { JSX } from 'preact';
import { Empty, useTitle } from '../parts/basics.tsx';

export function Missing({ path }: { path: string }): JSX.Element {
  useTitle('Not found');
  return (
    <Empty title="There is no such page">
      <p class="break">
        Nothing is shown under <code>{path}</code>. Go to the <a href="/">overview</a>, or search with <kbd>/</kbd>.
      </p>
    </Empty>
  );
}

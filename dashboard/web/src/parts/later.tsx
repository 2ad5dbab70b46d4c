// A part of the page whose script is fetched when it is first shown.
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export function later<P extends object>(load: () => Promise<ComponentType<P>>): (props: P) => JSX.Element {
  let known: ComponentType<P> | null = null;
  return function Later(props: P): JSX.Element {
    const [, redraw] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (known) return;
      load().then(
        (part) => {
          known = part;
          redraw((n) => n + 1);
        },
        () => setFailed(true),
      );
    }, []);
    if (known) {
      const Known = known;
      return <Known {...props} />;
    }
    return (
      <p class="boot">{failed ? 'This part of the page could not be fetched. Load the page again.' : 'Loading…'}</p>
    );
  };
}

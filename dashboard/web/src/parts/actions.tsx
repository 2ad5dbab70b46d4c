// What a person can do: each asks first, is sent once, and says what came of it.
import { signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { act, ApiError } from '../api/client.ts';
import { session } from '../api/session.ts';
import type { ActionResult } from '../api/types.ts';
import { plural } from '../base/format.ts';
import { say } from './basics.tsx';

export interface Action {
  /** On the button: one word. */
  word: string;
  path: string;
  title: string;
  /** What will happen, in a sentence. */
  text: ComponentChildren;
  destructive?: boolean;
  /** Asks for a number, which is sent under this name. */
  number?: { name: string; label: string; value: number };
}

const asked = signal<Action | null>(null);

export const NO_RIGHT = 'This session may only look. A link that may act is made by: landseer dashboard --control';

export function ActionButton(props: { action: Action; disabled?: boolean; isSmall?: boolean }): JSX.Element {
  const { action, disabled, isSmall } = props;
  const may = session.value?.may_act ?? false;
  return (
    <button
      type="button"
      class={`button ${action.destructive ? 'danger' : ''} ${isSmall ? 'small' : ''}`}
      disabled={disabled ?? false}
      aria-disabled={!may}
      title={may ? action.title : NO_RIGHT}
      onClick={() => (may ? (asked.value = action) : say(NO_RIGHT, true))}
    >
      {action.word}
    </button>
  );
}

function outcomeOf(action: Action, result: ActionResult): string {
  switch (result.action) {
    case 'cancel':
      return `cancelled: ${plural(result.tasks ?? 0, 'task')} ended, ${result.running ?? 0} being stopped`;
    case 'retry':
      return `${plural(result.tasks ?? 0, 'task')} pending again${result.paused ? '; the pipeline is paused' : ''}`;
    case 'pause':
    case 'resume':
      if (result.why?.length) return `still paused: ${result.why.join('; ')}`;
      return `${result.changed === false ? 'it was already so: ' : ''}${result.state ?? action.word}`;
    default:
      return `done: ${action.word}`;
  }
}

/** The dialog in which an action is confirmed. Once on the page. */
export function Confirm(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [value, setValue] = useState('0');
  const action = asked.value;
  useEffect(() => {
    if (action) {
      setProblem(null);
      setValue(String(action.number?.value ?? 0));
      dialog.current?.showModal();
    } else {
      dialog.current?.close();
    }
  }, [action]);
  const confirm = async (): Promise<void> => {
    if (!action || busy) return;
    const number = Number(value);
    if (action.number && !Number.isInteger(number)) {
      setProblem('a whole number is needed');
      return;
    }
    setBusy(true);
    try {
      say(outcomeOf(action, await act(action.path, action.number ? { [action.number.name]: number } : {})));
      asked.value = null;
    } catch (error) {
      const known = error instanceof ApiError;
      setProblem(
        known ? `${error.message}${error.hint ? ` – ${error.hint}` : ''}` : 'something unexpected went wrong',
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      onClose={() => {
        asked.value = null;
      }}
      aria-labelledby="confirm-title"
    >
      {action ? (
        <form
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            void confirm();
          }}
        >
          <h2 id="confirm-title">{action.title}</h2>
          <p>{action.text}</p>
          {action.number ? (
            <label class="field">
              {action.number.label}
              <input type="number" step="1" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
            </label>
          ) : null}
          {problem ? (
            <p class="problem" role="alert">
              {problem}
            </p>
          ) : null}
          <div class="dialog-buttons">
            <button
              type="button"
              class="button"
              onClick={() => {
                asked.value = null;
              }}
            >
              Back
            </button>
            <button type="submit" class={`button primary ${action.destructive ? 'danger' : ''}`} disabled={busy}>
              {busy ? 'Sending…' : action.word}
            </button>
          </div>
        </form>
      ) : null}
    </dialog>
  );
}

// The log of an attempt, followed while it grows: from the worker, through the broker and the gateway.
import { Component, type JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, withParams } from '../api/client.ts';
import type { LogPiece } from '../api/types.ts';
import { LogText, type Line } from '../base/ansi.ts';
import { bytes } from '../base/format.ts';
import { Problem } from './basics.tsx';

const FIRST_BYTES = 256 * 1024; // shown at first, from the end
const KEPT_LINES = 20_000;
const BLOCK_LINES = 200;
const RETRY_MS = 2000;
const SLOWER_MS = 1000; // the gateway lets so much through a second, not more
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Nobody reads in a tab that is not shown; what is written meanwhile is read, or passed over, afterwards. */
const shown = (): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    look();
  });

interface State {
  text: LogText;
  from: number;
  size: number;
  leftOut: number;
  finished: boolean;
  /** Lines that were let go at the beginning, and pieces that came. */
  dropped: number;
  version: number;
}

const fresh = (): State => ({
  text: new LogText(),
  from: 0,
  size: 0,
  leftOut: 0,
  finished: false,
  dropped: 0,
  version: 0,
});

interface BlockProps {
  lines: readonly Line[];
  /** Counts the pieces of the last line, the only one that may still change. */
  last: number;
}

/** Some lines; drawn again only if they changed, since a long log grows at its end. */
class Block extends Component<BlockProps> {
  override shouldComponentUpdate(next: BlockProps): boolean {
    return next.lines.length !== this.props.lines.length || next.last !== this.props.last;
  }

  override render(): JSX.Element {
    return (
      <div class="log-block">
        {this.props.lines.map((line, index) => (
          <div key={index} class="log-line">
            {line.map((piece, at) =>
              piece.style === '' ? (
                piece.text
              ) : (
                <span key={at} class={piece.style}>
                  {piece.text}
                </span>
              ),
            )}
          </div>
        ))}
      </div>
    );
  }
}

function blocksOf(lines: readonly Line[], dropped: number, version: number): JSX.Element[] {
  const made: JSX.Element[] = [];
  for (let at = 0; at < lines.length; at += BLOCK_LINES) {
    const part = lines.slice(at, at + BLOCK_LINES);
    made.push(<Block key={dropped + at} lines={part} last={at + BLOCK_LINES >= lines.length ? version : 0} />);
  }
  return made;
}

export function Log({ task, attempt, isLive }: { task: string; attempt: number; isLive: boolean }): JSX.Element {
  const state = useRef(fresh());
  const [, redraw] = useState(0);
  const [whole, setWhole] = useState(false);
  const [following, setFollowing] = useState(true);
  const [wraps, setWraps] = useState(true);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const abort = new AbortController();
    state.current = fresh();
    setProblem(null);
    redraw((n) => n + 1);
    const take = (piece: LogPiece, first: boolean): void => {
      const now = state.current;
      if (first) now.from = piece.offset;
      now.leftOut += piece.left_out;
      if (piece.skipped > 0) now.text.gap(`${bytes(piece.skipped)} skipped: it is written faster than it is sent here`);
      now.text.append(piece.text);
      now.version += 1;
      const surplus = Math.floor(Math.max(0, now.text.lines.length - KEPT_LINES) / BLOCK_LINES) * BLOCK_LINES;
      if (surplus > 0) now.text.lines.splice(0, surplus);
      now.dropped += surplus;
      now.size = piece.size;
      now.finished = piece.finished && piece.next_offset >= piece.size;
      redraw((n) => n + 1);
    };
    const follow = async (): Promise<void> => {
      let offset: number | null = null;
      let atEnd = false; // once: who reads from the beginning misses nothing on the way
      for (;;) {
        try {
          await shown();
          if (abort.signal.aborted) return;
          const params =
            offset === null && !whole
              ? { attempt, tail: FIRST_BYTES }
              : { attempt, offset: offset ?? 0, wait: atEnd ? 1 : 0 };
          const piece: LogPiece = await get<LogPiece>(withParams(`/tasks/${task}/log`, params), abort.signal, true);
          if (abort.signal.aborted) return;
          take(piece, offset === null);
          setProblem(null);
          const moved = offset === null || piece.next_offset > offset;
          atEnd ||= !whole || piece.next_offset >= piece.size;
          offset = piece.next_offset;
          if (state.current.finished) return;
          if (!moved) await pause(250);
        } catch (error) {
          if (abort.signal.aborted || !(error instanceof ApiError)) return;
          if (error.status === 429) {
            await pause(SLOWER_MS);
            continue;
          }
          setProblem(error);
          if (error.status === 404 || error.status === 409) return;
          await pause(RETRY_MS);
        }
      }
    };
    void follow();
    return () => abort.abort();
    // A new attempt has a new log; the end of one is found by the loop itself.
  }, [task, attempt, whole, isLive && state.current.finished]);

  useEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
      if (event.key === 'f' && !typing && !event.ctrlKey && !event.metaKey) setFollowing((is) => !is);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const onScroll = (): void => {
    const element = box.current;
    if (element) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < 24);
  };

  const { text, from, size, finished, leftOut, dropped, version } = state.current;
  const lines = text.lines;
  const isEmpty = lines.length === 1 && lines[0]!.length === 0;
  return (
    <>
      <div class="panel-head">
        <span class="soft" role="status">
          {bytes(size)}
          {finished ? ', complete' : isLive ? ', growing' : ''}
          {following && !finished ? ', followed' : ''}
        </span>
        <span class="aside">
          {from > 0 ? (
            <button type="button" class="button small" onClick={() => setWhole(true)}>
              from the beginning
            </button>
          ) : null}
          <button type="button" class="button small" aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
            wrap
          </button>
          <button
            type="button"
            class="button small"
            aria-pressed={following}
            onClick={() => setFollowing(!following)}
            title="key f"
          >
            follow
          </button>
        </span>
      </div>
      <Problem error={problem} />
      <div
        ref={box}
        class={`log ${wraps ? 'wrap' : ''}`}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-label={`log of attempt ${attempt}`}
      >
        {from > 0 ? <div class="log-gap">{bytes(from)} before this are not shown</div> : null}
        {leftOut > 0 ? <div class="log-gap">{bytes(leftOut)} were not kept by the worker</div> : null}
        {isEmpty ? <div class="log-gap">{finished ? 'It wrote nothing.' : 'Nothing written yet.'}</div> : null}
        {dropped > 0 ? <div class="log-gap">{dropped} lines before this are not shown any more</div> : null}
        {blocksOf(lines, dropped, version)}
      </div>
    </>
  );
}

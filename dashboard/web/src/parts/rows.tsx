// A table of any length: only the rows that are seen exist. The head stays, the first column as well.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Column {
  key: string;
  title: ComponentChildren;
  /** A track of a CSS grid: `120px`, `minmax(140px, 1fr)`. */
  width: string;
  isNumber?: boolean;
  /** What to sort by, if one can. */
  sort?: string;
  hint?: string;
}

export const ROW_HEIGHT = 29;
const SPARE = 8;

export interface RowsProps {
  columns: readonly Column[];
  count: number;
  /** The cells of a row, or null while they are not known. */
  cells: (index: number) => ComponentChildren[] | null;
  keyOf: (index: number) => string | number;
  pickedKey?: string | number | undefined;
  /** `name`, or `-name` for the reverse. */
  sort: string;
  onSort: (sort: string) => void;
  /** What is seen, when it changes. */
  onSpan?: (first: number, last: number) => void;
  minWidth: number;
  label: string;
}

export function Rows({
  columns,
  count,
  cells,
  keyOf,
  pickedKey,
  sort,
  onSort,
  onSpan,
  minWidth,
  label,
}: RowsProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState({ first: 0, last: 60 });
  const measure = (): void => {
    const element = box.current;
    if (!element) return;
    const first = Math.max(0, Math.floor(element.scrollTop / ROW_HEIGHT) - SPARE);
    const last = Math.min(count, Math.ceil((element.scrollTop + element.clientHeight) / ROW_HEIGHT) + SPARE);
    setSpan((before) => (before.first === first && before.last === last ? before : { first, last }));
  };
  useLayoutEffect(measure, [count]);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [count]);
  useEffect(() => onSpan?.(span.first, Math.min(count, span.last)), [span, count]);
  const tracks = columns.map((column) => column.width).join(' ');
  const indexes: number[] = [];
  for (let index = span.first; index < Math.min(count, span.last); index += 1) indexes.push(index);
  const next = (name: string): string => (sort === name ? `-${name}` : sort === `-${name}` ? '' : name);
  return (
    <div ref={box} class="rows panel" role="table" aria-label={label} aria-rowcount={count + 1} onScroll={measure}>
      <div class="rows-head" role="row" style={{ gridTemplateColumns: tracks, minWidth: `${minWidth}px` }}>
        {columns.map((column, at) => (
          <div
            key={column.key}
            class={`cell ${column.isNumber ? 'number' : ''} ${at === 0 ? 'pinned' : ''}`}
            role="columnheader"
            title={column.hint}
            aria-sort={
              column.sort && sort === column.sort
                ? 'ascending'
                : column.sort && sort === `-${column.sort}`
                  ? 'descending'
                  : undefined
            }
          >
            {column.sort ? (
              <button type="button" onClick={() => onSort(next(column.sort!))}>
                {column.title}
                {sort === column.sort ? ' ▴' : sort === `-${column.sort}` ? ' ▾' : ''}
              </button>
            ) : (
              column.title
            )}
          </div>
        ))}
      </div>
      <div class="rows-body" style={{ height: `${count * ROW_HEIGHT}px`, minWidth: `${minWidth}px` }}>
        {indexes.map((index) => {
          const row = cells(index);
          const key = keyOf(index);
          return (
            <div
              key={key}
              class={`row ${key === pickedKey ? 'picked' : ''} ${row ? '' : 'loading'}`}
              role="row"
              aria-rowindex={index + 2}
              style={{ gridTemplateColumns: tracks, top: `${index * ROW_HEIGHT}px`, height: `${ROW_HEIGHT}px` }}
            >
              {row ? (
                row.map((cell, at) => (
                  <div
                    key={columns[at]!.key}
                    class={`cell ${columns[at]!.isNumber ? 'number' : ''} ${at === 0 ? 'pinned' : ''}`}
                    role="cell"
                  >
                    {cell}
                  </div>
                ))
              ) : (
                <div class="cell pinned" role="cell">
                  …
                </div>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

// A table that draws only the rows in sight. It is a real <table>, so that it reads and prints like one.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { printing } from './theme';

export interface Column<Row> {
  key: string;
  title: string;
  /** For who hears the page; the title alone may be a sign. */
  label?: string;
  class?: string;
  cell: (row: Row) => ComponentChildren;
  order?: (row: Row) => number | string;
}

interface Props<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** Column and direction: `delta` or `-delta`, largest first. */
  by?: string;
  onSort?: (by: string) => void;
  selected?: string;
  /** Opens a row, or closes it with an empty id. */
  onOpen?: (id: string) => void;
  /** What a row shows below itself while it is open. */
  detail?: (row: Row) => ComponentChildren;
  /** The column that names the row. */
  main: string;
  rowClass?: (row: Row) => string;
  /** A last row that isn't data. */
  foot?: ComponentChildren;
}

/** Rows drawn beyond the edges, and rows on paper. */
const BEYOND = 12, PRINTED = 40;
/** Below this many rows nothing is left out. */
const FEW = 120;

export function sorted<Row>(rows: Row[], columns: Column<Row>[], by: string): Row[] {
  const down = by.startsWith('-'), column = columns.find(one => one.key === by.replace(/^-/, ''));
  if (!column?.order) return rows;
  const keys = rows.map(column.order), sign = down ? -1 : 1;
  const places = rows.map((_, k) => k).sort((x, y) => {
    const a = keys[x], b = keys[y];
    return (a < b ? -sign : a > b ? sign : 0) || x - y;
  });
  return places.map(k => rows[k]);
}

export function Table<Row>(props: Props<Row>) {
  const { columns, rows, id, selected, onOpen, detail, by, onSort } = props;
  const box = useRef<HTMLDivElement>(null), open = useRef<HTMLTableRowElement>(null);
  const [place, setPlace] = useState({ top: 0, high: 800 });
  const [rowHigh, setRowHigh] = useState(28);
  const [openHigh, setOpenHigh] = useState(0);
  const [cursor, setCursor] = useState(0);
  const wanted = useRef(-1);
  const at = selected === undefined ? -1 : rows.findIndex(row => id(row) === selected);
  const isWhole = rows.length <= FEW;

  useLayoutEffect(() => {
    const sample = box.current?.querySelector<HTMLElement>('tbody tr.row');
    if (sample && Math.abs(sample.offsetHeight - rowHigh) > 1 && !isWhole) setRowHigh(sample.offsetHeight);
    const high = open.current?.offsetHeight ?? 0;
    if (high !== openHigh) setOpenHigh(high);
    if (wanted.current >= 0) {
      box.current?.querySelector<HTMLElement>(`button[data-row="${wanted.current}"]`)?.focus();
      wanted.current = -1;
    }
  });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const read = () => setPlace({ top: element.scrollTop, high: element.clientHeight });
    const watch = new ResizeObserver(read);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => { if (at >= 0) { setCursor(at); reveal(at) } }, [selected, rowHigh]);

  function reveal(k: number): void {
    const element = box.current;
    if (!element) return;
    const head = element.querySelector('thead')?.clientHeight ?? 0, y = k * rowHigh + (at >= 0 && k > at ? openHigh : 0);
    if (isWhole) { element.querySelector<HTMLElement>(`button[data-row="${k}"]`)?.closest('tr')?.scrollIntoView({ block: 'nearest' }); return }
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + rowHigh > element.scrollTop + element.clientHeight - head) element.scrollTop = y + rowHigh - element.clientHeight + head;
    // At once: what is drawn before the event of the scroll must hold the row.
    setPlace({ top: element.scrollTop, high: element.clientHeight });
  }

  const isPrint = printing.value;
  const before = at >= 0 && place.top > (at + 1) * rowHigh ? openHigh : 0;
  let from = isWhole || isPrint ? 0 : Math.max(0, Math.floor((place.top - before) / rowHigh) - BEYOND);
  let to = isPrint ? Math.min(rows.length, PRINTED) : isWhole ? rows.length : Math.min(rows.length, from + Math.ceil(place.high / rowHigh) + 2 * BEYOND);
  if (wanted.current >= 0 && !isWhole && (wanted.current < from || wanted.current >= to)) {
    from = Math.max(0, wanted.current - BEYOND);
    to = Math.min(rows.length, wanted.current + Math.ceil(place.high / rowHigh) + BEYOND);
  }
  const above = from * rowHigh + (at >= 0 && at < from ? openHigh : 0);
  const below = isPrint ? 0 : (rows.length - to) * rowHigh + (at >= to ? openHigh : 0);

  const move = (k: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, k));
    wanted.current = next;
    setCursor(next);
    reveal(next);
  };
  const key = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(place.high / rowHigh) - 2);
    const steps: Record<string, number> = { ArrowDown: cursor + 1, ArrowUp: cursor - 1, PageDown: cursor + page, PageUp: cursor - page, Home: 0, End: rows.length - 1 };
    if (!(event.target as HTMLElement).closest('.main') || !(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    move(steps[event.key]);
  };
  const sort = (column: Column<Row>) => {
    const isNumber = rows.length > 0 && typeof column.order!(rows[0]) !== 'string';
    const first = isNumber ? `-${column.key}` : column.key, second = isNumber ? column.key : `-${column.key}`;
    onSort!(by === first ? second : first);
  };
  const sortOf = (column: Column<Row>) => (by === column.key ? 'ascending' : by === `-${column.key}` ? 'descending' : undefined);

  return <div class="tablebox" ref={box} onScroll={() => { const e = box.current!; setPlace({ top: e.scrollTop, high: e.clientHeight }) }}>
    <table aria-rowcount={rows.length + 1} onKeyDown={key}>
      <caption class="unseen">{props.caption}</caption>
      <thead><tr aria-rowindex={1}>{columns.map(column =>
        <th key={column.key} scope="col" class={column.class} aria-sort={sortOf(column)}>
          {column.order && onSort
            ? <button class="sort" onClick={() => sort(column)} title={column.label}>{column.title}<span class="arrow" aria-hidden="true">{sortOf(column) === 'descending' ? ' ↓' : sortOf(column) === 'ascending' ? ' ↑' : ''}</span></button>
            : column.title}
        </th>)}</tr></thead>
      <tbody>
        {above > 0 && <tr class="space" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${above}px` }} /></tr>}
        {rows.slice(from, to).flatMap((row, k) => {
          const name = id(row), isOpen = name === selected, index = from + k;
          const line = <tr key={`r${name}`} class={`row ${isOpen ? 'open' : ''} ${props.rowClass?.(row) ?? ''}`} aria-rowindex={index + 2}
            onClick={onOpen && (event => { if (!(event.target as HTMLElement).closest('a,button')) { setCursor(index); onOpen(isOpen ? '' : name) } })}>
            {columns.map(column => column.key === props.main
              ? <th key={column.key} scope="row" class={`main ${column.class ?? ''}`}>{onOpen
                ? <button class="plain" data-row={index} tabIndex={index === Math.min(cursor, rows.length - 1) ? 0 : -1} aria-expanded={isOpen}
                    onFocus={() => { if (cursor !== index) setCursor(index) }} onClick={() => { setCursor(index); onOpen(isOpen ? '' : name) }}>{column.cell(row)}</button>
                : column.cell(row)}</th>
              : <td key={column.key} class={column.class}>{column.cell(row)}</td>)}
          </tr>;
          return isOpen && detail ? [line, <tr key={`d${name}`} class="detail" ref={open}><td colSpan={columns.length}>{detail(row)}</td></tr>] : [line];
        })}
        {below > 0 && <tr class="space" aria-hidden="true"><td colSpan={columns.length} style={{ height: `${below}px` }} /></tr>}
        {props.foot && <tr class="foot"><td colSpan={columns.length}>{props.foot}</td></tr>}
      </tbody>
    </table>
    {isPrint && rows.length > PRINTED && <p class="cut">The first {PRINTED} of {rows.length} rows.</p>}
  </div>;
}

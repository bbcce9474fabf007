// Who waits, for what, and where.

import type { Answer, Cluster, GoroutinePlace } from '../answer';
import { change, counted, display, grouped, nameText, percentChange, percent, where } from '../format';
import { go, source, view } from '../store';
import { Table, sorted, type Column } from '../table';
import { Delta, Name, Search, Spark, expression } from '../ui';

/** The answer about goroutines: asked for them, or a profile of them. */
export function goroutineAnswer(): Answer | null {
  const { answer, goroutines } = source.value.report;
  return goroutines?.goroutines ? goroutines : answer.goroutines || answer.diff?.places || answer.top?.places ? answer : null;
}

export function GoroutinesPage({ pages: _ }: { pages: string[] }) {
  const answer = goroutineAnswer()!, clusters = answer.goroutines;
  const clustersOf = (place: GoroutinePlace): Cluster => ({ stack: [], stack_bytes: { estimate: 0, lower: 0, upper: 0 }, ...place });
  const list: Cluster[] = clusters?.rows ?? (answer.diff ?? answer.top)!.places!.counts.map(clustersOf);
  const isTwo = list.some(row => row.delta !== null && row.delta !== undefined), hasDump = list.some(row => row.longest_wait_minutes !== null && row.longest_wait_minutes !== undefined);
  const hasValues = list.some(row => row.values?.length), total = answer.totals[0];
  const columns: Column<Cluster & { id: string }>[] = [
    ...(isTwo ? [{ key: 'delta', title: 'Δ', class: 'num', cell: (row: Cluster) => <Delta delta={row.delta ?? 0} unit="count" />, order: (row: Cluster) => row.delta ?? 0 },
      { key: 'percent', title: 'Δ %', class: 'num wide', cell: (row: Cluster) => (row.status === 'new' || row.status === 'gone' ? row.status : row.percent === null ? '' : percentChange(row.percent)), order: (row: Cluster) => row.percent ?? Infinity },
      { key: 'before', title: 'before', class: 'num wide', cell: (row: Cluster) => grouped(row.before ?? 0), order: (row: Cluster) => row.before ?? 0 }] : []),
    { key: 'after', title: isTwo ? 'after' : 'count', class: 'num', cell: row => grouped(row.after), order: row => row.after },
    ...(!isTwo ? [{ key: 'percent', title: 'share', class: 'num wide', cell: (row: Cluster) => (row.percent === null ? '' : percent(row.percent)), order: (row: Cluster) => row.percent ?? 0 }] : []),
    ...(hasValues ? [{ key: 'spark', title: '', label: 'values', class: 'wide', cell: (row: Cluster) => <Spark values={row.values ?? []} wide={80} high={20} /> }] : []),
    { key: 'in', title: 'in', class: 'class', cell: row => nameText(row.waits_for, 60), order: row => row.waits_for },
    ...(hasDump ? [{ key: 'longest', title: 'longest', class: 'num wide', cell: (row: Cluster) => (row.longest_wait_minutes ? `${row.longest_wait_minutes} min` : ''), order: (row: Cluster) => row.longest_wait_minutes ?? 0 }] : []),
    { key: 'name', title: 'goroutines at', class: 'name', cell: row => <><Name name={row.function} />{row.root && row.root !== row.function && <span class="via"> ← <Name name={row.root} /></span>}</>, order: row => row.function },
    { key: 'where', title: 'where', class: 'where wide', cell: row => where(row), order: row => where(row) },
    { key: 'go', title: 'go statement', class: 'where wide', cell: row => where(row.created_by) || nameText(row.started_by ?? '', 60) },
    ...(clusters ? [{ key: 'stacks', title: '≈ stacks', class: 'num wide', cell: (row: Cluster) => display(row.stack_bytes.estimate, 'bytes'), order: (row: Cluster) => row.stack_bytes.estimate }] : []),
  ];
  const all = list.map((row, k) => ({ ...row, id: `${row.function}|${row.waits_for}|${k}` }));
  const { regex } = expression(view.value.search);
  const rows = sorted(all.filter(row => !regex || row.stack.some(name => regex.test(name)) || regex.test(row.function) || regex.test(row.waits_for)), columns, view.value.by);
  const locks = list.filter(row => row.lock_held_in);
  return <div class="goroutines">
    <p class="verdict">{total ? isTwo && total.delta !== undefined && total.delta !== null ? `${change(total.delta, 'count')} goroutines: ${grouped(total.before ?? 0)} → ${grouped(total.after)}` : `${grouped(total.after)} goroutines` : counted(rows.length, 'clusters')}</p>
    <div class="tools"><Search label="Filter by any frame" /><span class="dim" role="status">{counted(rows.length, 'clusters')}</span></div>
    <Table caption="Clusters of goroutines" columns={columns} rows={rows} id={row => row.id} main="name" by={view.value.by} onSort={by => go({ by })} selected={view.value.sel} onOpen={id => go({ sel: id })}
      detail={row => <div class="rowdetail"><p>{grouped(row.after)} goroutines in {nameText(row.waits_for, 80)}{row.longest_wait_minutes ? `, the longest for ${row.longest_wait_minutes} min` : ''}</p>
        <ol class="stack">{row.stack.slice(0, 100).map((name, k) => <li key={k}><Name name={name} /></li>)}</ol>{row.created_by && <p class="dim">created by <Name name={row.created_by.function} /> {where(row.created_by)}</p>}</div>} />
    {locks.length > 0 && <section aria-labelledby="locks"><h2 id="locks">Who likely holds the locks</h2><ul>{locks.map((row, k) => <li key={k}><Name name={row.function} />: a goroutine in <Name name={row.lock_held_in!} /></li>)}</ul></section>}
    {clusters && <p class="dim">Stacks of all goroutines: about {display(clusters.stack_bytes.estimate, 'bytes')}, by the number of frames; no heap profile has them.</p>}
    {clusters && clusters.unchanged.rows > 0 && <p class="dim">Unchanged: {counted(clusters.unchanged.rows, 'clusters')}, {grouped(clusters.unchanged.sum)} goroutines.</p>}
  </div>;
}

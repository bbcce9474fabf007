// Since when, how fast, and at which site.

import { useRef, useState } from 'preact/hooks';
import { Again, useAsked } from '../asked';
import { loaded } from '../live';
import { FirstRows } from './diff';
import type { Timeline, TimelineRow } from '../answer';
import { TimeChart, chartColour, colourOf, restColour, type Mark, type Series } from '../chart';
import { change, counted, display, estimate, nameText, nanoseconds, quote, where } from '../format';
import { minus } from '../large';
import { go, query, sampleType, say, source, view } from '../store';
import { Table, sorted, type Column } from '../table';
import { Command, Delta, Links, Name, Scroll, Search, Spark, Swatch, expression } from '../ui';
import { TotalsTable, Warnings, verdict } from './overview';

/** Layers of the chart; the rest of the total is one more. */
const LAYERS = 6;

const TRACK_WORDS: Record<string, string> = { goroutines: 'goroutines', 'live-heap': 'live heap', 'heap-alloc': 'heap allocated', stops: 'longest stop', stacks: 'stacks', 'resident-set': 'resident set', cgroup: 'cgroup', 'cgroup-limit': 'limit of the cgroup', 'go-limit': "limit of Go's memory" };

function layersOf(timeline: Timeline, picked: string[]): { layers: Series[]; lines: Series[] } {
  // What `timeline -o X.svg` draws, in its colours: leaks on top, so they come last in a stack that grows upwards.
  const { chart = [], answer } = source.value.report, sites = chart.flatMap(site => (site.row === null || !timeline.rows[site.row] ? [] : [{ row: timeline.rows[site.row], colour: site.colour }])).reverse();
  const colour = (row: TimelineRow, k: number) => { const site = sites.find(one => one.row === row); return site ? chartColour(site.colour) : colourOf(k) };
  const names = picked.length ? timeline.rows.filter(row => picked.includes(row.name)) : sites.length ? sites.map(site => site.row) : timeline.rows.slice(0, LAYERS);
  const isCum = answer.sort === 'cum', layers = names.map((row, k) => ({ name: row.name, values: isCum ? row.cum : row.flat, colour: colour(row, k) }));
  // Sums over stacks overlap: they are lines, and nothing is left of the total.
  if (isCum) return { layers: [], lines: [...layers, { name: 'total', values: timeline.total.values, colour: 'currentColor' }] };
  const rest = timeline.total.values.map((total, k) => Math.max(0, total - layers.reduce((sum, layer) => sum + Math.max(0, layer.values[k] ?? 0), 0)));
  return {
    layers: rest.some(value => value > 0) ? (sites.length ? [theRest(rest), ...layers] : [...layers, theRest(rest)]) : layers,
    lines: [{ name: 'total', values: timeline.total.values, colour: 'currentColor' }],
  };
}

const theRest = (values: number[]): Series => ({ name: 'the rest', values, colour: restColour() });

/** What the key names: the topmost layer first, as the chart shows them. */
const keyOf = ({ layers, lines }: { layers: Series[]; lines: Series[] }) => [...(layers.length ? layers : lines.slice(0, -1))].reverse();

function marksOf(timeline: Timeline, x: number[]): Mark[] {
  const marks: Mark[] = [];
  timeline.processes.forEach((process, k) => { if (k > 0 && process !== timeline.processes[k - 1]) marks.push({ at: (x[k] + x[k - 1]) / 2, kind: 'restart', text: `process ${process + 1}` }) });
  const stops = timeline.tracks?.find(track => track.kind === 'stops');
  if (stops) {
    let longest = 0;
    stops.values.forEach((value, k) => { if (value > stops.values[longest]) longest = k });
    const at = stops.elapsed_nanos[longest];
    if (at !== undefined && at >= x[0] && at <= x[x.length - 1]) marks.push({ at, kind: 'note', text: `longest GC stop ${nanoseconds(stops.values[longest])}` });
  }
  return marks;
}

/** The snapshot that a link means: by number, from 1, or by its time. */
function ordinal(timeline: Timeline, text: string): number | null {
  if (/^\d+$/.test(text)) { const k = Number(text) - 1; return k >= 0 && k < timeline.inputs.length ? k : null }
  const wanted = Date.parse(text);
  if (!text || Number.isNaN(wanted)) return null;
  let best: number | null = null;
  timeline.times.forEach((time, k) => { if (time && (best === null || Math.abs(Date.parse(time) - wanted) < Math.abs(Date.parse(timeline.times[best]!) - wanted))) best = k });
  return best;
}

/** When the values of the chart are: times if all are known, else numbers of snapshots. */
function clockOf(timeline: Timeline): { x: number[]; isTime: boolean; start: number | null } {
  const isTime = timeline.elapsed_nanos?.length === timeline.inputs.length;
  return { x: isTime ? timeline.elapsed_nanos! : timeline.inputs.map((_, k) => k), isTime, start: timeline.times[0] ? Date.parse(timeline.times[0]) : null };
}

const chartLabel = (timeline: Timeline, unit: string) => {
  const { values } = timeline.total;
  return `${source.value.report.answer.sample_type} over ${counted(values.length, 'snapshots')}: ${display(values[0] ?? 0, unit)} first, ${display(values[values.length - 1] ?? 0, unit)} last, at most ${display(Math.max(...values), unit)}`;
};

export function Key({ layers, cursor, unit }: { layers: Series[]; cursor?: number | null; unit: string }) {
  return <ul class="key">{layers.map(layer => <li key={layer.name}><Swatch colour={layer.colour} /> <Name name={layer.name} length={70} />{typeof cursor === 'number' && <> {display(layer.values[cursor] ?? 0, unit)}</>}</li>)}</ul>;
}

/** The total with the largest rows, for the overview. */
export function TotalChart() {
  const { timeline, unit } = source.value.report.answer, clock = clockOf(timeline!), { layers, lines } = layersOf(timeline!, []);
  return <figure class="figure"><TimeChart {...clock} {...{ layers, lines, unit }} label={chartLabel(timeline!, unit)} marks={marksOf(timeline!, clock.x)} high={220} /><Key layers={keyOf({ layers, lines })} unit={unit} /></figure>;
}

type Range = [number, number];

/** The two ends that are looked at: of the view in a report; where more can be asked, they are what every page compares. */
function useRange(timeline: Timeline): [Range | null, (next: Range | null) => void] {
  const { canAsk, report } = source.value, [draft, setDraft] = useState<Range | null>(null), settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const nameOf = (k: number) => report.answer.inputs[timeline.inputs[k]]?.name;
  const idOf = (k: number) => loaded.value.inputs.find(input => input.name === nameOf(k) && (!timeline.times[k] || input.time === timeline.times[k]))?.id ?? String(k + 1);
  const placeOf = (text: string) => { const input = loaded.value.inputs.find(one => one.id === text), k = input ? timeline.inputs.findIndex((_, j) => nameOf(j) === input.name && (!input.time || input.time === timeline.times[j])) : -1; return k >= 0 ? k : ordinal(timeline, text) };
  const { t0, t1 } = view.value, { a, b } = query.value, usual = loaded.value.default;
  const [from, to] = canAsk ? (a || b ? [placeOf(a || usual.a), placeOf(b || usual.b)] : [null, null]) : [ordinal(timeline, t0), ordinal(timeline, t1)];
  const range: Range | null = from !== null && to !== null && from < to ? [from, to] : null;
  if (!canAsk) return [range, next => go(next ? { t0: String(next[0] + 1), t1: String(next[1] + 1) } : { t0: '', t1: '' }, 'soon')];
  return [draft ?? range, next => {
    clearTimeout(settle.current);
    setDraft(next);
    settle.current = setTimeout(() => { setDraft(null); go({}, 'push', next ? { a: idOf(next[0]), b: idOf(next[1]) } : { a: '', b: '' }) }, next ? SETTLE : 0);
  }];
}

/** A range that is being drawn settles before it is asked about. */
const SETTLE = 250;

/** What changed between the two ends. */
function Rediff({ ends }: { ends: string }) {
  const of = source.value, { a, b } = query.value, { value, isOld, failure, retry } = useAsked([of, a, b], signal => (a || b ? of.askDiff(a, b, signal) : null));
  if (!(a || b) || !of.canAsk) return null;
  return <section aria-labelledby="rediff"><h2 id="rediff">What changed {ends}</h2>
    {failure ? <Again what="There is no comparison:" failure={failure} retry={retry} /> : value ? <div class={isOld ? 'stale' : ''} aria-busy={isOld}><FirstRows answer={value} /></div> : <p class="dim">Reading the comparison…</p>}</section>;
}

export function TimelinePage({ pages }: { pages: string[] }) {
  const { report } = source.value, { answer } = report, timeline = answer.timeline!, { unit } = answer;
  const n = timeline.inputs.length;
  const clock = clockOf(timeline);
  const [cursor, setCursor] = useState<number | null>(null);
  const [picked, setPicked] = useState<string[]>(view.value.sel && timeline.rows.some(row => row.name === view.value.sel) ? [view.value.sel] : []);
  const { layers, lines } = layersOf(timeline, picked), [range, setRange] = useRange(timeline);
  const nameOf = (k: number) => answer.inputs[timeline.inputs[k]]?.name ?? `snapshot ${k + 1}`;
  const timeOf = (k: number) => timeline.times[k]?.slice(0, 19).replace('T', ' ') ?? `snapshot ${k + 1}`;
  const look = (k: number) => { setCursor(k); say(`${timeOf(k)}: ${display(timeline.total.values[k], unit)}`) };
  const [left, right] = range ?? [0, n - 1];
  const isCum = answer.sort === 'cum', valuesOf = (row: TimelineRow) => (isCum ? row.cum : row.flat), sum = (row: TimelineRow) => minus(valuesOf(row)[right], valuesOf(row)[left]);
  const columns: Column<TimelineRow>[] = [
    { key: 'pick', title: '', label: 'in the chart', class: 'wide less', cell: row => {
      const drawn = layers.length ? layers : lines, k = drawn.findIndex(layer => layer.name === row.name);
      return <button class="small" aria-pressed={picked.includes(row.name)} aria-label={`Show ${nameText(row.name, 80)} in the chart`} onClick={() => setPicked(picked.includes(row.name) ? picked.filter(one => one !== row.name) : [...picked, row.name].slice(-7))}><Swatch colour={k < 0 ? 'none' : drawn[k].colour} /></button>;
    } },
    { key: 'spark', title: '', label: 'values', class: 'spark wide', cell: row => <Spark values={valuesOf(row)} wide={100} high={22} /> },
    { key: 'first', title: range ? `at ${left + 1}` : 'first', class: 'num wide', cell: row => display(valuesOf(row)[left], unit), order: row => valuesOf(row)[left] },
    { key: 'last', title: range ? `at ${right + 1}` : 'last', class: 'num', cell: row => display(valuesOf(row)[right], unit), order: row => valuesOf(row)[right] },
    { key: 'delta', title: isCum ? 'Δ cum' : 'Δ flat', class: 'num', cell: row => <Delta delta={sum(row)} unit={unit} real={row.class !== 'steady'} />, order: sum },
    { key: 'slope', title: 'slope', class: 'num wide', cell: row => (row.slope_per_hour ? estimate(row.slope_per_hour, value => change(value, unit), '/h') : ''), order: row => row.slope_per_hour?.estimate ?? -Infinity },
    { key: 'alloc', title: 'allocates', class: 'num wide less', cell: row => rate(row.allocated_per_second, unit), order: row => lastOf(row.allocated_per_second) ?? -1 },
    { key: 'class', title: 'class', class: 'class', cell: row => <span class={`class ${row.class}`}>{row.class}</span>, order: row => row.class },
    { key: 'name', title: 'function', class: 'name', cell: row => <Name name={row.name} />, order: row => row.name },
    { key: 'where', title: 'where', class: 'where wide less', cell: row => where(row), order: row => where(row) },
  ];
  const { regex } = expression(view.value.search);
  const rows = sorted(timeline.rows.filter(row => !regex || regex.test(row.name)), columns, view.value.by);
  const label = chartLabel(timeline, unit);
  const command = `heapdiff diff ${[left, right].map(k => quote(nameOf(k))).join(' ')}`;
  return <div class="timeline">
    <p class="verdict">{report.command === 'leaks' ? verdict() : label}</p>
    {sampleType.value.sample_type !== answer.sample_type && <p class="dim">Values over time are of {answer.sample_type}.</p>}
    <TimeChart label={label} unit={unit} {...clock} layers={layers} lines={lines} marks={marksOf(timeline, clock.x)}
      range={range} cursor={cursor} onCursor={look} onRange={setRange} high={320} />
    <p class="under" role="status">{cursor === null ? <span class="dim">{counted(n, 'snapshots')}; drag to choose two ends</span> : <>{timeOf(cursor)}: {display(timeline.total.values[cursor], unit)}</>}</p>
    <Key layers={keyOf({ layers, lines })} cursor={cursor} unit={unit} />
    <div class="tools"><label>from snapshot <input type="number" min={1} max={n} key={left} defaultValue={String(left + 1)} onChange={event => setRange([Math.max(0, Math.min(Number(event.currentTarget.value) - 1, right - 1)), right])} /></label>
      <label>to <input type="number" min={2} max={n} key={right} defaultValue={String(right + 1)} onChange={event => setRange([left, Math.min(n - 1, Math.max(Number(event.currentTarget.value) - 1, left + 1))])} /></label>
      <span>Δ {change((timeline.total.values[right] ?? 0) - (timeline.total.values[left] ?? 0), unit)}</span>
      {range && <button onClick={() => setRange(null)}>whole range</button>}
      {picked.length > 0 && <button onClick={() => setPicked([])}>the largest rows</button>}
      <Search /></div>
    {n > 1 && <Command text={command} lead="Compare these two" />}
    {range && <Rediff ends={`from ${timeOf(left)} to ${timeOf(right)}`} />}
    <Table caption="Rows over time" columns={columns} rows={rows} id={row => row.name} main="name" by={view.value.by} onSort={by => go({ by })} selected={view.value.sel} onOpen={name => go({ sel: name })}
      detail={row => <div class="rowdetail"><p class="full"><Name name={row.name} length={2000} /></p>
        <dl><div><dt>values</dt><dd><Spark values={valuesOf(row)} wide={200} high={32} /></dd></div>{(['flat', 'cum'] as const).map(kind => <div key={kind}><dt>{kind}</dt><dd>{display(row[kind][left], unit)} → {display(row[kind][right], unit)}</dd></div>)}
          {row.slope_per_hour && <div><dt>slope</dt><dd>{estimate(row.slope_per_hour, value => change(value, unit), '/h')}</dd></div>}</dl><Links name={row.name} pages={pages} /></div>} />
    <Tracks timeline={timeline} />
    {report.command === 'timeline' && <><h2>Totals</h2><TotalsTable /><Warnings /></>}
    <Snapshots timeline={timeline} nameOf={nameOf} timeOf={timeOf} unit={unit} />
  </div>;
}

const lastOf = (values: (number | null)[]) => { for (let k = values.length - 1; k >= 0; k--) if (values[k] !== null) return values[k]; return null };
const rate = (values: (number | null)[], unit: string) => { const value = lastOf(values); return value === null ? '' : `${display(value, unit)}/s` };

function Tracks({ timeline }: { timeline: Timeline }) {
  const tracks = timeline.tracks ?? [];
  if (!tracks.length) return null;
  return <section aria-labelledby="beside"><h2 id="beside">Beside the profiles</h2><Scroll><table><thead><tr><th scope="col">what</th><th scope="col">values</th><th scope="col" class="num">first</th><th scope="col" class="num">last</th><th scope="col" class="num">highest</th><th scope="col">from</th></tr></thead>
    <tbody>{tracks.map((track, k) => <tr key={k}><th scope="row">{TRACK_WORDS[track.kind] ?? track.kind}</th><td><Spark values={track.values} /></td>
      <td class="num">{display(track.values[0], track.unit)}</td><td class="num">{display(track.values[track.values.length - 1], track.unit)}</td><td class="num">{display(Math.max(...track.values), track.unit)}</td><td>{nameText(track.field, 60)}</td></tr>)}</tbody></table></Scroll></section>;
}

/** The chart as a table: each snapshot with the total. */
function Snapshots({ timeline, nameOf, timeOf, unit }: { timeline: Timeline; nameOf: (k: number) => string; timeOf: (k: number) => string; unit: string }) {
  const rows = timeline.inputs.map((_, k) => k);
  return <details><summary>The chart as a table: {counted(rows.length, 'snapshots')}</summary>
    <Table caption="Snapshots" rows={rows} id={String} main="time" columns={[
      { key: 'time', title: 'taken', cell: k => timeOf(k) }, { key: 'total', title: 'total', class: 'num', cell: k => display(timeline.total.values[k], unit) },
      { key: 'process', title: 'process', class: 'num', cell: k => timeline.processes[k] + 1 }, { key: 'input', title: 'profile', class: 'name wide', cell: k => <Name name={nameOf(k)} /> }]} /></details>;
}

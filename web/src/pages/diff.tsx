// What grew, row by row. Rows within noise are folded into one line that says what they add up to.

import { useMemo, useState } from 'preact/hooks';
import type { Answer, DiffRow, Omitted, TopRow } from '../answer';
import { change, classify, counted, countChange, display, percent, percentChange, qText, rated, shorten, wholePercent, where, type Bounds } from '../format';
import { answerNow, go, here, lineAbout, sampleType, view } from '../store';
import { Table, sorted, type Column } from '../table';
import { Command, Delta, Links, Name, Search, To, Wrong, expression, marginText } from '../ui';
import { RefsTree, functionOf } from './refs';

/** One row, wherever it comes from. */
interface Row {
  /** The name of the row, and the function that it is of. */
  name: string; of: string; via: string | null; where: string; before: number; after: number; delta: number; cumBefore: number; cumAfter: number;
  error: Bounds | null; percent: number | null; objects: number | null; kept: number | null; q: number | null;
  isReal: boolean; word: string; remark: string;
}

const WORDS: Record<string, string> = { new: 'new', gone: 'gone' };

function ofDiff(row: DiffRow, unit: string): Row {
  const flat = rated({ before: row.before.flat, after: row.after.flat, delta: row.delta.flat, error: row.error, per_second: row.per_second }, unit), { before, after, delta, error } = flat;
  return {
    name: row.name, of: functionOf(row), via: row.via?.function ?? null, where: where(row.via ?? row), before, after, delta, error,
    cumBefore: row.before.cum, cumAfter: row.after.cum, percent: row.per_second ? (before ? (delta / Math.abs(before)) * 100 : null) : row.delta_percent, objects: row.per_second ? null : row.objects?.delta ?? null, kept: row.kept, q: row.q_value,
    isReal: row.status !== 'within-noise' && row.status !== 'same', word: WORDS[row.status] ?? '',
    remark: row.moved_from ? `was ${row.moved_from}` : row.moved_to ? `now ${row.moved_to}` : '',
  };
}

function ofTop(row: TopRow): Row {
  return {
    name: row.name, of: functionOf(row), via: row.via?.function ?? null, where: where(row.via ?? row), before: 0, after: row.flat, delta: row.flat, cumBefore: 0, cumAfter: row.cum,
    error: row.error, percent: row.flat_percent, objects: row.objects, kept: null, q: null, isReal: true, word: '', remark: '',
  };
}

interface Rows { real: Row[]; noise: Row[]; omitted: Omitted; sum: { rows: number; net: number; sum: number } }

/** The rows in the order of the table: what grew, what shrank; and apart from them what is within noise. */
function collect(answer: Answer): Rows {
  const { diff, top } = answer, none = { rows: 0, net: 0, sum: 0 };
  if (top) return { real: top.rows.map(ofTop), noise: [], omitted: top.omitted, sum: none };
  const all = diff!.rows.map(row => ofDiff(row, answer.unit)), noise = all.filter(row => !row.isReal && row.delta !== 0), { rows, ...scaled } = diff!.within_noise;
  // Sums of what is compared per second are for the longer of both times.
  const per = Math.max(...(answer.comparison?.seconds ?? [1])) / (answer.comparison?.seconds && classify(answer.unit)[0] === 'count' ? 1000 : 1), net = (scaled.net ?? 0) / per, sum = scaled.sum / per;
  return {
    real: [...all.filter(row => row.isReal && row.delta > 0), ...all.filter(row => row.isReal && row.delta <= 0)], noise, omitted: diff!.omitted,
    sum: { rows: rows + noise.length, net: noise.reduce((total, row) => total + row.delta, net), sum: noise.reduce((total, row) => total + Math.abs(row.delta), sum) },
  };
}

function columnsFor(unit: string, isTwo: boolean, rows: Row[]): Column<Row>[] {
  const name: Column<Row> = {
    key: 'name', title: 'function', class: 'name', order: row => row.name,
    cell: row => <><Name name={row.name} />{row.via && row.via !== row.name && <span class="via"> ← <Name name={row.via} own /></span>}{row.remark && <span class="dim"> ({shorten(row.remark, 100)})</span>}</>,
  };
  const place: Column<Row> = { key: 'where', title: 'where', class: 'where wide', cell: row => row.where, order: row => row.where };
  const margin: Column<Row> = { key: 'error', title: '± 95 %', label: '95 percent interval', class: 'num', cell: row => marginText(row.error, row.delta, unit), order: row => (row.error ? row.error.upper - row.error.lower : -1) };
  const objects: Column<Row>[] = rows.some(row => row.objects !== null)
    ? [{ key: 'objects', title: isTwo ? 'Δ objects' : 'objects', class: 'num wide', cell: row => (row.objects === null ? '' : isTwo ? countChange(row.objects) : display(row.objects, 'count')), order: row => row.objects ?? 0 }] : [];
  if (!isTwo) {
    return [
      { key: 'flat', title: 'flat', class: 'num', cell: row => display(row.after, unit), order: row => row.after }, margin,
      { key: 'percent', title: 'flat %', class: 'num wide', cell: row => (row.percent === null ? '' : percent(row.percent)), order: row => row.percent ?? 0 },
      { key: 'cum', title: 'cum', class: 'num wide', cell: row => display(row.cumAfter, unit), order: row => row.cumAfter }, ...objects, name, place,
    ];
  }
  const kept: Column<Row>[] = rows.some(row => row.kept !== null)
    ? [{ key: 'kept', title: 'kept', label: 'share of what was allocated in between that is still in use', class: 'num wide', cell: row => (row.kept === null ? '' : wholePercent(row.kept * 100)), order: row => row.kept ?? -1 }] : [];
  return [
    { key: 'delta', title: 'Δ flat', label: 'change of flat', class: 'num', cell: row => <Delta delta={row.delta} unit={unit} real={row.isReal} />, order: row => row.delta }, margin,
    { key: 'percent', title: 'Δ %', label: 'change in percent', class: 'num wide', cell: row => row.word || (row.percent === null ? '' : percentChange(row.percent)), order: row => row.percent ?? Infinity },
    { key: 'before', title: 'before', class: 'num wide', cell: row => display(row.before, unit), order: row => row.before },
    { key: 'after', title: 'after', class: 'num wide', cell: row => display(row.after, unit), order: row => row.after },
    ...objects, ...kept,
    { key: 'dcum', title: 'Δ cum', label: 'change of cum', class: 'num wide extra', cell: row => change(row.cumAfter - row.cumBefore, unit), order: row => row.cumAfter - row.cumBefore },
    { key: 'cbefore', title: 'cum before', class: 'num wide extra', cell: row => display(row.cumBefore, unit), order: row => row.cumBefore },
    { key: 'cafter', title: 'cum after', class: 'num wide extra', cell: row => display(row.cumAfter, unit), order: row => row.cumAfter },
    name, place,
  ];
}

/** Columns that are shown unless the link says otherwise. */
const EXTRA = ['dcum', 'cbefore', 'cafter'];

export function DiffPage({ pages }: { pages: string[] }) {
  const answer = answerNow.value;
  return answer?.diff || answer?.top ? <RowsPage answer={answer} pages={pages} /> : <p>This {here} has no rows of {sampleType.value.sample_type}.</p>;
}

function RowsPage({ answer, pages }: { answer: Answer; pages: string[] }) {
  const { sample_type } = answer, isRate = !!answer.comparison?.seconds, unit = answer.unit + (isRate ? '/s' : ''), typed = view.value.search;
  const rows = useMemo(() => collect(answer), [answer]);
  const isTwo = !answer.top, columns = columnsFor(unit, isTwo, rows.real).filter(column => !isRate || !EXTRA.includes(column.key));
  const choosable = columns.filter(column => column.key !== 'name' && column.key !== (isTwo ? 'delta' : 'flat'));
  const shownKeys = view.value.cols.length ? view.value.cols : choosable.filter(column => !EXTRA.includes(column.key)).map(column => column.key);
  const shown = columns.filter(column => !choosable.includes(column) || shownKeys.includes(column.key));
  const [choosing, setChoosing] = useState(false);
  const [good, setGood] = useState<RegExp | null>(null), { wrong, ...now } = expression(typed), regex = wrong ? good : now.regex;
  if (!wrong && regex?.source !== good?.source) setGood(regex);
  const match = (row: Row) => !regex || regex.test(row.name) || (row.via !== null && regex.test(row.via));
  const all = view.value.noise ? [...rows.real, ...rows.noise] : rows.real;
  const filtered = useMemo(() => sorted(all.filter(match), columns, view.value.by), [rows, regex?.source, view.value.by, view.value.noise]);
  const sum = filtered.reduce((total, row) => total + row.delta, 0);
  const selected = view.value.sel ? filtered.find(row => row.name === view.value.sel) : undefined;
  const noise = rows.sum, more = rows.omitted;
  const pick = (key: string, on: boolean) => {
    const keys = choosable.map(column => column.key).filter(one => (one === key ? on : shownKeys.includes(one)));
    go({ cols: keys.length ? keys : ['none'] }, 'replace');
  };
  const foot = (noise.rows > 0 || more.rows > 0) && <>{noise.rows > 0 && <button class="plain" aria-expanded={view.value.noise} onClick={() => go({ noise: !view.value.noise })}>
    {view.value.noise ? '▾' : '▸'} within noise: {counted(noise.rows, 'functions')}, Δ {change(noise.net, unit)}{Math.abs(noise.net) !== Number(noise.sum) && `, sum of |Δ| ${display(noise.sum, unit)}`}</button>}
    {more.rows > 0 && <p>not in this {here}: {counted(more.rows, 'functions')}, {isTwo ? `Δ ${change(more.net ?? 0, unit)}, sum of |Δ|` : 'together'} {display(more.sum, unit)}</p>}</>;
  return <div class={`diffpage ${selected ? 'withpane' : ''}`}>
    <section class="fill" aria-label={isTwo ? 'Rows that changed' : 'Rows'}>
      <div class="tools">
        <Search wrong={wrong} />
        <span class="dim" role="status">{counted(filtered.length, 'rows')}{typed && `, ${isTwo ? 'Δ ' : ''}${isTwo ? change(sum, unit) : display(sum, unit)}`}</span>
        <button aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>columns</button>
        {view.value.by && <button onClick={() => go({ by: '' })}>order of the {here}</button>}
      </div>
      <Wrong text={wrong} />
      {choosing && <fieldset class="chooser"><legend>Columns</legend>{choosable.map(column => <label key={column.key}><input type="checkbox" checked={shownKeys.includes(column.key)} onChange={event => pick(column.key, event.currentTarget.checked)} /> {column.label ?? column.title}</label>)}</fieldset>}
      {filtered.length === 0 && !foot ? <p>{typed ? 'No row matches.' : 'Nothing changed by more than sampling error explains.'}</p>
        : <Table caption={`Functions by change of ${sample_type}`} columns={shown} rows={filtered} id={row => row.name} main="name" by={view.value.by}
            onSort={by => go({ by })} selected={view.value.sel} onOpen={name => go({ sel: name })} rowClass={row => (row.isReal ? '' : 'noise')} foot={foot}
            detail={row => <Detail row={row} unit={unit} isTwo={isTwo} pages={pages} />} />}
    </section>
    {selected && <aside class="pane" aria-label="Call paths of the selected row">
      <h2><Name name={selected.name} /></h2>
      <RefsTree name={selected.of} small key={selected.of} />
      <p><Links name={selected.of} pages={pages} /></p>
      <Command text={lineAbout('refs', selected.of)} />
    </aside>}
  </div>;
}

const FIRST = 12;

/** The first rows of an answer, where the page is about something else. */
export function FirstRows({ answer }: { answer: Answer }) {
  const unit = answer.unit + (answer.comparison?.seconds ? '/s' : ''), { real, noise } = collect(answer), rows = [...real, ...noise];
  if (!rows.length) return <p>Nothing changed.</p>;
  return <><Table caption={`Functions by change of ${answer.sample_type}`} rows={rows.slice(0, FIRST)} id={row => row.name} main="name" rowClass={row => (row.isReal ? '' : 'noise')}
    columns={columnsFor(unit, !answer.top, rows).filter(column => !EXTRA.includes(column.key))} />
    <p><To to={{ page: 'diff' }}>{rows.length > FIRST ? `all ${rows.length} rows` : 'in the table of changes'}</To> <To to={{ page: 'flame' }}>in the flame graph</To></p></>;
}

function Detail({ row, unit, isTwo, pages }: { row: Row; unit: string; isTwo: boolean; pages: string[] }) {
  const facts: [string, string][] = isTwo
    ? [['Δ flat', `${change(row.delta, unit)} ${marginText(row.error, row.delta, unit)}`], ['flat', `${display(row.before, unit)} → ${display(row.after, unit)}`],
       ['Δ %', row.word || (row.percent === null ? '' : percentChange(row.percent))], ...(unit.endsWith('/s') ? [] : [['cum', `${display(row.cumBefore, unit)} → ${display(row.cumAfter, unit)} (${change(row.cumAfter - row.cumBefore, unit)})`] as [string, string]])]
    : [['flat', `${display(row.after, unit)} ${marginText(row.error, row.after, unit)}`], ['cum', display(row.cumAfter, unit)]];
  if (row.objects !== null) facts.push([isTwo ? 'Δ objects' : 'objects', isTwo ? countChange(row.objects) : display(row.objects, 'count')]);
  if (row.kept !== null) facts.push(['kept', `${wholePercent(row.kept * 100)} of what was allocated in between`]);
  if (row.q !== null) facts.push(['sure', qText(row.q)]);
  if (row.where) facts.push(['where', row.where]);
  return <div class="rowdetail"><dl>{facts.filter(([, value]) => value.trim()).map(([word, value]) => <div key={word}><dt>{word}</dt><dd>{value}</dd></div>)}</dl>
    {row.via && row.via !== row.name && <p>mostly called from <Name name={row.via} own /></p>}
    <p class="full"><Name name={row.name} length={2000} /></p><Links name={row.of} pages={pages} />
    <div class="inplace"><RefsTree name={row.of} small /></div></div>;
}

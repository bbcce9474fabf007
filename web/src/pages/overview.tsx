// Is it worse, how sure is that, and where to look.

import type { Diff, Input, Place, Suspect, TopRow } from '../answer';
import { DeltaBars } from '../chart';
import { change, counted, display, estimate, exact, exactChange, exactly, fixed, nameText, nanoseconds, percentChange, qText, quote, range, rated, where, type Bounds } from '../format';
import { compared, go, here, isPair, sampleType, source, totals } from '../store';
import { Command, Delta, Links, Name, Scroll, Spark, To, isSure, marginText, tone } from '../ui';
import { TotalChart } from './timeline';

export function TotalsTable() {
  const { timeline } = source.value.report.answer, isTwo = totals.value.some(total => typeof total.delta === 'number'), [before, after] = timeline ? ['first', 'last'] : ['before', isTwo ? 'after' : 'total'];
  const all = totals.value.map(total => ({ ...total, ...rated(total, total.unit) })), hasErrors = all.some(total => total.error);
  const percentOf = (total: typeof all[number]) => (total.per_second ? total.before && (total.delta / Math.abs(total.before)) * 100 : total.delta_percent);
  return <Scroll><table class="totals"><caption class="unseen">Totals of all sample types</caption>
    <thead><tr><th scope="col">sample type</th>{isTwo && <th scope="col" class="num wide">{before}</th>}<th scope="col" class="num">{after}</th>
      {isTwo && <><th scope="col" class="num">Δ</th><th scope="col" class="num wide">Δ %</th></>}{hasErrors && <th scope="col">95 % interval</th>}</tr></thead>
    <tbody>{all.map(total => {
      const { unit, error, delta } = total, print = (value: number) => (isTwo ? change(value, unit) : display(value, unit)), share = percentOf(total);
      return <tr key={total.sample_type}><th scope="row">{nameText(total.sample_type, 60)}</th>
        {isTwo && <td class="num wide">{exact(total.before, unit)}</td>}<td class="num">{exact(total.after, unit)}</td>
        {isTwo && <><td class="num"><span class={tone(delta, isSure(error))}>{exactChange(delta, unit)}</span></td><td class="num wide">{typeof share === 'number' ? percentChange(share) : ''}</td></>}
        {hasErrors && <td>{error ? range(print(error.lower), print(error.upper)) : ''}</td>}</tr>;
    })}</tbody></table></Scroll>;
}

/** The verdict of the command line, or the plain fact if the report has none. */
export function verdict(): string {
  const { report } = source.value, { answer } = report;
  if (report.verdict) return report.verdict;
  const type = sampleType.value;
  if (answer.check) return `check: ${answer.check.outcome}`;
  if (answer.verdict && answer.verdict.leaks > 0) return `${counted(answer.verdict.leaks, 'leaks')}${answer.verdict.slope_per_hour ? `, ${estimate(answer.verdict.slope_per_hour, value => display(value, type.unit), '/h')}` : ''}`;
  if (answer.verdict) return answer.verdict.needed ? 'Growth only: more snapshots can tell a leak from a cache that fills up' : 'No leak';
  if (type.delta === null || type.delta === undefined) return `${type.sample_type}: ${exact(type.after, type.unit)}`;
  const { before, delta, error, unit } = rated(type, type.unit);
  if (delta === 0) return `${type.sample_type} did not change`;
  const percent = before ? ` (${percentChange((delta / Math.abs(before)) * 100)})` : '';
  if (!isSure(error)) return `${type.sample_type} changed by ${exactChange(delta, unit)}${percent}: within sampling error`;
  return `${type.sample_type} ${delta > 0 ? 'grew' : 'shrank'} by ${exact(delta, unit).replace(/^-/, '')}${percent}`;
}

export function Warnings() {
  const { answer, notes = [] } = source.value.report;
  const all = [...answer.warnings.map(warning => warning.message), ...answer.inputs.flatMap(input => (input.warnings ?? []).map(warning => `${nameText(input.name, 80)}: ${warning.message}`)), ...notes];
  if (!all.length) return null;
  return <section class="warnings" aria-labelledby="warnings"><h2 id="warnings">Warnings and notes</h2><ul>{all.map((text, k) => <li key={k}>{nameText(text, 2000)}</li>)}</ul></section>;
}

interface Looked extends Place { before: number; after: number; delta: number; error: Bounds; via: string | null; leaf: string | null; unit: string }

/** The subtrees that explain the growth, and the sites besides them: as the command line chooses. */
function looked(diff: Diff, unit: string): Looked[] {
  const first = diff.grown[0], explained = first?.share ? (first.share * diff.explained) / first.delta : 0;
  const sites = explained >= 0.9 ? [] : diff.sites.filter(site => !diff.grown.some(one => one.function === site.function || one.callee === site.function));
  return [...diff.grown.map(one => ({ ...one, leaf: one.callee && one.callee !== one.function ? one.callee : null, via: one.callee ? null : one.caller ?? null, unit })),
    ...sites.map(one => { const { error, ...values } = rated(one, unit); return { ...one, ...values, error: error ?? one.error, leaf: one.leaf ?? null, via: null } })].slice(0, 8);
}

const lookedName = (one: Looked) => (one.leaf ? `${one.leaf} ← ${one.function}` : one.via ? `${one.function} ← ${one.via}` : one.function);

function GrownChart({ all }: { all: Looked[] }) {
  const { unit } = all[0], bars = all.map(one => ({ name: nameText(lookedName(one), 120), delta: one.delta, ...one.error }));
  return <figure class="figure"><DeltaBars label={`What grew most: ${bars.map((bar, k) => `${bar.name} ${change(bar.delta, unit)} ${marginText(all[k].error, bar.delta, unit)}`).join('; ')}`} unit={unit} bars={bars} />
    <figcaption>What grew most, with 95 % intervals</figcaption></figure>;
}

function TopChart({ rows, unit }: { rows: TopRow[]; unit: string }) {
  const bars = rows.slice(0, 8).map(row => ({ name: nameText(row.via && row.via.function !== row.name ? `${row.name} ← ${row.via.function}` : row.name, 120), delta: row.flat, lower: row.error?.lower ?? row.flat, upper: row.error?.upper ?? row.flat }));
  return <figure class="figure"><DeltaBars label={`Where it is: ${bars.map(bar => `${bar.name} ${display(bar.delta, unit)}`).join('; ')}`} unit={unit} bars={bars} /><figcaption>The largest rows, flat, with 95 % intervals</figcaption></figure>;
}

function Sites({ all, pages }: { all: Looked[]; pages: string[] }) {
  const { unit } = all[0];
  return <><h2>Grew, and where to look</h2><ol class="cards">{all.map((one, k) => <li key={k} class="card">
    <p class="site"><span class="num strong"><Delta delta={one.delta} unit={unit} /></span> <span class="num dim">{marginText(one.error, one.delta, unit)}</span></p>
    <h3><Name name={one.leaf ?? one.function} own={!one.leaf} />{(one.leaf || one.via) && <span class="via"> ← <Name name={one.leaf ? one.function : one.via!} own /></span>}</h3>
    <p class="dim">{where(one)}{where(one) && ' · '}{display(one.before, unit)} → {display(one.after, unit)}</p><Links name={one.function} pages={pages} /></li>)}</ol></>;
}

const CLASS_WORDS: Record<string, string> = { leak: 'leak', grew: 'grew', step: 'grew once', churn: 'churn', steady: 'steady', 'warm-up': 'warm-up', 'growing-decelerating': 'grows more slowly' };

function SuspectCard({ suspect, pages }: { suspect: Suspect; pages: string[] }) {
  const { unit } = suspect, print = (value: number) => display(value, unit), isGoroutine = suspect.sample_type === 'goroutine';
  const facts: [string, preact.ComponentChildren][] = [];
  const [first, last] = [suspect.values[0], suspect.values[suspect.values.length - 1]];
  if (suspect.values.length) facts.push(['values', <><Spark values={suspect.values} /> {print(first)} → {print(last)}</>]);
  if (suspect.slope_per_hour) facts.push(['slope', estimate(suspect.slope_per_hour, print, '/h')]);
  const q = suspect.q_value === null ? '' : `  ${qText(suspect.q_value)}`;
  facts.push(['growth', (suspect.growth.lower === suspect.growth.upper ? change(suspect.growth.estimate, unit) : estimate(suspect.growth, value => change(value, unit), '')) + q]);
  if (suspect.retention) facts.push(['kept', `${fixed(suspect.retention.estimate * 100, 0)} % (${fixed(suspect.retention.lower * 100, 0)} … ${fixed(suspect.retention.upper * 100, 0)}) of what it allocated`]);
  if (suspect.goroutines) facts.push(['waiting', `in ${suspect.goroutines.state} at ${nameText(suspect.goroutines.parked_in, 120)}`]);
  if (suspect.path.length) facts.push(['path', <span class="path">{suspect.path.map((name, k) => <span key={k}>{k > 0 && <span class="dim"> → </span>}<Name name={name} length={120} /></span>)}</span>]);
  facts.push(['why', nameText(suspect.explanation, 4000)], ['fix', nameText(suspect.fix, 4000)]);
  if (suspect.patterns.length) facts.push(['pattern', suspect.patterns.map(one => nameText(one, 80)).join(', ')]);
  const parked = source.value.report.answer.inputs.filter(input => input.kind === 'goroutine').map(input => input.name);
  const ends = isGoroutine && parked.length ? [...new Set([parked[0], parked[parked.length - 1]])] : compared.value;
  const asked = `heapdiff refs ${quote(exactly(isGoroutine ? suspect.goroutines?.parked_in ?? suspect.site.function : suspect.site.function))}`;
  return <li class={`card suspect ${suspect.class}`}>
    <h3>{suspect.rank}. <span class="class">{isGoroutine ? (suspect.class === 'leak' ? 'goroutine leak' : 'goroutines') : CLASS_WORDS[suspect.class] ?? suspect.class}</span> <Name name={suspect.site.function} own /></h3>
    <p class="dim">{where(suspect.site)} · confidence {suspect.confidence}</p>
    <dl>{facts.map(([word, value]) => <div key={word}><dt>{word}</dt><dd>{value}</dd></div>)}</dl>
    {!isGoroutine ? <Links name={suspect.site.function} pages={pages} /> : pages.includes('goroutines') && <To to={{ page: 'goroutines' }}>goroutines</To>}
    <Command text={`${asked} ${ends.map(quote).join(' ')}`} lead="next" />
  </li>;
}

/** How far apart samples are: bytes, time, or events. */
const periodText = (input: Input) => display(input.period, input.kind === 'heap' ? 'bytes' : input.kind === 'cpu' ? 'nanoseconds' : 'count').replace('.0 KiB', ' KiB');

export function Heading() {
  const { report } = source.value, { answer } = report;
  const [first] = answer.inputs, last = answer.inputs[answer.inputs.length - 1];
  const parts = report.heading ?? [
    first?.program ?? first?.name ?? 'no input', ...(first?.build_id ? [`build ${first.build_id.slice(0, 12)}${last?.build_id && last.build_id !== first.build_id ? ` → ${last.build_id.slice(0, 12)}` : ''}`] : []),
    ...(answer.comparison?.apart_nanos ? [`${nanoseconds(Math.abs(answer.comparison.apart_nanos))} apart`] : []),
    ...(answer.comparison ? [answer.comparison.process === 'same' ? 'same process' : answer.comparison.process === 'different' ? 'different processes' : 'unknown whether one process'] : []),
    ...(first?.period ? [`period ${periodText(first)}`] : []),
  ];
  return <><p class="heading">{parts.map((part, k) => <span key={k}>{nameText(part, 200)}</span>)}</p>
    {answer.comparison?.seconds && <p>The profiles cover different times, so they are compared per second. Call paths and the flame graph have whole values.</p>}</>;
}

/** What a page that is missing would need. */
function Missing({ pages }: { pages: string[] }) {
  const { answer } = source.value.report, wants: [string, string][] = [];
  if (answer.inputs[0]?.kind !== 'heap') return null;
  if (!pages.includes('goroutines')) wants.push(['Who waits', 'heapdiff goroutines goroutine-before.pb.gz goroutine-after.pb.gz']);
  if (!pages.includes('gc')) wants.push(['Garbage or held', 'heapdiff gc service.log']);
  if (!pages.includes('time') && isPair.value) wants.push(['Since when and how fast', 'heapdiff leaks snapshots/']);
  if (!wants.length) return null;
  return <section aria-labelledby="missing"><h2 id="missing">Not in this {here}</h2>{wants.map(([lead, text]) => <Command key={lead} lead={lead} text={text} />)}</section>;
}

export function Overview({ pages }: { pages: string[] }) {
  const { report } = source.value, { answer } = report, suspects = answer.suspects ?? [];
  const judged = suspects.filter(suspect => suspect.class !== 'churn');
  const grew = answer.diff ? looked(answer.diff, answer.unit) : [];
  const churns = suspects.filter(suspect => suspect.class === 'churn');
  return <div class="overview">
    <h1 class={answer.verdict && answer.verdict.leaks > 0 ? 'bad' : ''}>{verdict()}</h1>
    <Heading />
    <div class="two"><TotalsTable />{grew.length > 0 ? <GrownChart all={grew} /> : answer.timeline ? <TotalChart /> : answer.top?.rows.length ? <TopChart rows={answer.top.rows} unit={answer.unit} /> : <Warnings />}</div>
    {(grew.length > 0 || answer.timeline || answer.top?.rows.length) && <Warnings />}
    {judged.length > 0 && <><h2>Suspects</h2><ol class="cards">{judged.map(suspect => <SuspectCard key={suspect.rank} suspect={suspect} pages={pages} />)}</ol></>}
    {churns.length > 0 && <><h2>Allocates a lot and keeps next to nothing</h2><ul>{churns.map(suspect => <li key={suspect.rank}><Name name={suspect.site.function} own /> <span class="dim">{where(suspect.site)}</span></li>)}</ul></>}
    {grew.length > 0 && <Sites all={grew} pages={pages} />}
    {answer.diff && answer.diff.rows.length > 0 && <p><button onClick={() => go({ page: 'diff' })}>All rows that changed</button></p>}
    {(report.closing ?? []).map((text, k) => <p key={k}>{nameText(text, 2000)}</p>)}
    {(report.next ?? []).map((one, k) => <Command key={k} lead={one.lead} text={one.command} />)}
    <Missing pages={pages} />
    <Inputs />
  </div>;
}

export function Inputs() {
  const { answer } = source.value.report;
  return <section aria-labelledby="inputs"><h2 id="inputs">Inputs</h2><Scroll><table><thead><tr><th scope="col">profile</th><th scope="col">taken</th><th scope="col">build</th><th scope="col" class="num">samples</th><th scope="col" class="num">period</th></tr></thead>
    <tbody>{answer.inputs.slice(0, 400).map((input, k) => <tr key={k}><th scope="row"><Name name={input.name} /></th><td>{input.time?.slice(0, 19).replace('T', ' ') ?? ''}</td><td>{input.build_id?.slice(0, 12) ?? ''}</td>
      <td class="num">{exact(input.samples, 'count')}</td><td class="num">{input.period ? periodText(input) : ''}</td></tr>)}</tbody></table></Scroll></section>;
}

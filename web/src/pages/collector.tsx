// Is it garbage or held? What the collector's trace says.

import { TimeChart, colourOf, type Series } from '../chart';
import { counted, display, fixed, nameText, nanoseconds, percent } from '../format';
import type { Finding } from '../answer';
import { source } from '../store';
import { Command, Scroll } from '../ui';
import { useState } from 'preact/hooks';
import { Key } from './timeline';

export function CollectorPage({ pages: _ }: { pages: string[] }) {
  const answer = source.value.report.collector!;
  return <div class="collector">{answer.processes.map((process, k) => <Process key={k} process={process} isOnly={answer.processes.length === 1} />)}
    {answer.warnings.length > 0 && <><h2>Mind</h2><ul>{answer.warnings.map((text, k) => <li key={k}>{nameText(text, 2000)}</li>)}</ul></>}</div>;
}

/** What is worth attention, as the rules of `gc` and `memory` say. */
export function Findings({ findings }: { findings: Finding[] }) {
  return findings.length > 0 ? <ul class="cards">{findings.map(one => <li key={one.id + one.message} class={`card finding ${one.severity}`}><h3>{one.severity}: {nameText(one.message, 1000)}</h3>
    <ul>{one.evidence.map((text, k) => <li key={k}>{nameText(text, 1000)}</li>)}</ul><p>{nameText(one.advice, 2000)}</p>{one.command && <Command text={one.command} lead="next" />}</li>)}</ul> : <p>No finding.</p>;
}

type ProcessRow = NonNullable<typeof source.value.report.collector>['processes'][number];

function Process({ process, isOnly }: { process: ProcessRow; isOnly: boolean }) {
  const { windows, total } = process, [cursor, setCursor] = useState<number | null>(null);
  const x = windows.map(one => (one.from_nanos + one.to_nanos) / 2);
  const line = (name: string, of: (k: number) => number, k: number): Series => ({ name, values: windows.map((_, j) => of(j)), colour: colourOf(k) });
  const lines = [line('live heap', k => windows[k].live, 0), line('goal', k => windows[k].goal, 1), line('peak', k => windows[k].peak, 2)];
  const label = `Live heap of ${counted(total.collections, 'collections')}: ${windows.length ? `${display(windows[0].live, 'bytes')} first, ${display(windows[windows.length - 1].live, 'bytes')} last` : ''}`;
  return <section aria-label={`Process ${process.number}`}>
    {!isOnly && <h2>Process {process.number}</h2>}
    <p class="verdict">{counted(total.collections, 'collections')} in {nanoseconds(total.to_nanos - total.from_nanos)}, {percent(total.cpu_percent)} of the CPU{process.gogc !== null && `, GOGC ${process.gogc}`}{total.forced > 0 && `, ${total.forced} forced`}</p>
    <Findings findings={process.findings} />
    {windows.length > 1 && <><TimeChart label={label} unit="bytes" x={x} isTime start={null} layers={[]} lines={lines} marks={[]} cursor={cursor} onCursor={setCursor} high={240} />
      <Key layers={lines} cursor={cursor} unit="bytes" /></>}
    <Scroll><table><caption class="unseen">Windows of time</caption><thead><tr><th scope="col" class="num">from</th><th scope="col" class="num">collections</th><th scope="col" class="num">per second</th><th scope="col" class="num">live</th><th scope="col" class="num">goal</th><th scope="col" class="num">peak</th><th scope="col" class="num">allocated</th><th scope="col" class="num">CPU</th><th scope="col" class="num">assists</th><th scope="col" class="num">longest stop</th></tr></thead>
      <tbody>{windows.map((one, k) => <tr key={k}><th scope="row" class="num">{nanoseconds(one.from_nanos)}</th><td class="num">{one.collections}</td><td class="num">{fixed(one.per_second, 2)}</td><td class="num">{display(one.live, 'bytes')}</td><td class="num">{display(one.goal, 'bytes')}</td><td class="num">{display(one.peak, 'bytes')}</td>
        <td class="num">{one.allocated_per_second === null ? '' : `${display(one.allocated_per_second, 'bytes')}/s`}</td><td class="num">{percent(one.cpu_percent)}</td><td class="num">{percent(one.assist_percent)}</td><td class="num">{nanoseconds(one.longest_stop_nanos)}</td></tr>)}</tbody></table></Scroll>
  </section>;
}

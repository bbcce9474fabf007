// Where the memory of the process is: parts that add up, and what is worth attention.

import type { MemoryAnswer } from '../answer';
import { TimeChart, colourOf } from '../chart';
import { change, counted, display, nameText, percent } from '../format';
import { source } from '../store';
import { Scroll } from '../ui';
import { verdict } from './overview';
import { Findings } from './collector';

const TOTALS: Record<string, string> = { rss: 'RSS', cgroup: 'memory.current', runtime: "Go's memory", heap: 'the heap' };
const PARTS: Record<string, string> = {
  live: 'live heap', garbage: 'garbage until the next GC', objects: 'live heap and garbage', idle: 'idle, not returned', runtime: 'runtime structures', 'lazy-free': 'returned, still counted',
  outside: 'C memory and mmap', files: 'file pages', shared: 'shared memory', 'not-explained': 'not explained (±)',
};
const wordOf = (words: Record<string, string>, key: string) => (Object.hasOwn(words, key) ? words[key] : nameText(key.replaceAll('-', ' '), 60));

type Memory = NonNullable<MemoryAnswer['memory']>;

export function MemoryPage({ pages: _ }: { pages: string[] }) {
  const { report } = source.value, { memory, inputs, warnings } = report.memory!;
  if (!memory) return <p>No input says how much memory the process has.</p>;
  const total = wordOf(TOTALS, memory.total), grew = memory.before !== null && memory.before !== memory.after;
  return <div class="memory">
    <p class="verdict">{report.command === 'memory' ? verdict() : `${total}: ${grew ? `${display(memory.before!, 'bytes')} → ` : ''}${display(memory.after, 'bytes')}`}</p>
    <p class="dim">{nameText(memory.source, 300)}{memory.count > 1 && `, ${counted(memory.count, 'moments')}`}</p>
    <Findings findings={memory.findings} />
    <Moments memory={memory} total={total} />
    <Parts memory={memory} total={total} />
    {memory.limit && <p>Limit {display(memory.limit.bytes, 'bytes')} ({nameText(memory.limit.source, 200)}): {memory.limit.left < 0 ? `exceeded by ${display(-memory.limit.left, 'bytes')}` : `${display(memory.limit.left, 'bytes')} left`}</p>}
    {warnings.length > 0 && <><h2>Mind</h2><ul>{warnings.map((text, k) => <li key={k}>{nameText(text, 2000)}</li>)}</ul></>}
    <h2>Inputs</h2><ul>{inputs.slice(0, 200).map((input, k) => <li key={k}><code>{nameText(input.name, 300)}</code> <span class="dim">{nameText(input.kind, 60)}</span></li>)}</ul>
    {inputs.length > 200 && <p class="dim">{inputs.length - 200} more</p>}
  </div>;
}

function Moments({ memory, total }: { memory: Memory; total: string }) {
  const { moments } = memory;
  if (moments.length < 2) return null;
  const times = moments.map(one => Date.parse(one.time ?? '')), isTime = times.every(time => !Number.isNaN(time));
  const line = { name: total, values: moments.map(one => one.total), colour: colourOf(0) };
  return <TimeChart label={`${total} at ${counted(moments.length, 'moments')}: ${display(moments[0].total, 'bytes')} first, ${display(moments[moments.length - 1].total, 'bytes')} last`} unit="bytes"
    x={isTime ? times.map(time => (time - times[0]) * 1e6) : moments.map((_, k) => k)} isTime={isTime} start={isTime ? times[0] : null} layers={[]} lines={[line]} marks={[]} high={220} />;
}

function Parts({ memory, total }: { memory: Memory; total: string }) {
  const isTwo = memory.before !== null;
  const row = (name: string, before: number | null, after: number | null, evidence: string, key?: string) => <tr key={key}><th scope="row">{name}</th>
    {isTwo && <td class="num wide">{before === null ? '' : display(before, 'bytes')}</td>}<td class="num">{after === null ? '' : display(after, 'bytes')}</td><td class="num">{after === null ? '' : percent(after / Math.max(1, memory.after) * 100)}</td>
    {isTwo && <td class="num">{before === null || after === null ? '' : change(after - before, 'bytes')}</td>}<td class="dim wide">{nameText(evidence, 400)}</td></tr>;
  return <Scroll><table><caption class="unseen">Parts of the memory</caption><thead><tr><th scope="col">part</th>{isTwo && <th scope="col" class="num wide">first</th>}<th scope="col" class="num">{isTwo ? 'last' : 'bytes'}</th><th scope="col" class="num">share</th>{isTwo && <th scope="col" class="num">Δ</th>}<th scope="col" class="wide">from</th></tr></thead>
    <tbody>{memory.parts.map(one => row(wordOf(PARTS, one.part), one.before, one.after, one.evidence, one.part))}{row(`${total}, all of it`, memory.before, memory.after, '')}</tbody></table></Scroll>;
}

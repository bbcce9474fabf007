// The frame around the pages: the bar, the tabs, notices, help.

import { useEffect, useRef, useState } from 'preact/hooks';
import { counted, escape, nameText } from './format';
import { KEYS, isTyping, plain } from './keys';
import { commandLine, go, here, isServed, letters, notice, query, sampleType, source, spoken, state, totals, view } from './store';
import { choice, nextChoice } from './theme';
import { Command, To, copy } from './ui';
import { shownPage } from './live';
import { ServedBody, ServedOptions, ServedRows, canShow } from './server';
import { options } from './codec';
import { quote } from './format';
import { Overview } from './pages/overview';
import { DiffPage } from './pages/diff';
import { FlamePage } from './pages/flame';
import { RefsPage, candidates } from './pages/refs';
import { TimelinePage } from './pages/timeline';
import { SourcePage } from './pages/source';
import { CheckPage } from './pages/check';
import { GoroutinesPage, goroutineAnswer } from './pages/goroutines';
import { CollectorPage } from './pages/collector';
import { MemoryPage } from './pages/memory';
import { CardPage } from './pages/card';

interface Page { key: string; title: string; is: () => boolean; Body: (props: { pages: string[] }) => preact.JSX.Element }

/** All pages, in the order of the tabs. */
const PAGES: Page[] = [
  { key: 'card', title: 'Card', is: () => !!source.value.report.card, Body: CardPage },
  { key: 'check', title: 'Check', is: () => !!source.value.report.answer.check, Body: CheckPage },
  { key: 'overview', title: 'Overview', is: () => source.value.report.command !== 'gc' && source.value.report.command !== 'memory', Body: Overview },
  { key: 'diff', title: 'Diff', is: () => !!(source.value.report.answer.diff ?? source.value.report.answer.top), Body: DiffPage },
  { key: 'top', title: 'Top', is: () => false, Body: DiffPage },
  { key: 'flame', title: 'Flame graph', is: () => source.value.hasTree('root-first') || source.value.hasTree('leaf-first'), Body: FlamePage },
  { key: 'refs', title: 'Call paths', is: () => (source.value.exactRefs().length > 0 || source.value.hasTree('root-first')) && candidates().length > 0, Body: RefsPage },
  { key: 'time', title: 'Timeline', is: () => !!source.value.report.answer.timeline, Body: TimelinePage },
  { key: 'source', title: 'Source', is: () => source.value.lines().length > 0, Body: SourcePage },
  { key: 'goroutines', title: 'Goroutines', is: () => !!goroutineAnswer(), Body: GoroutinesPage },
  { key: 'gc', title: 'Collector', is: () => !!source.value.report.collector, Body: CollectorPage },
  { key: 'memory', title: 'Memory', is: () => !!source.value.report.memory, Body: MemoryPage },
];

/** Pages that cannot be drawn without what they are about. */
const NEEDS_DATA = ['diff', 'time', 'goroutines', 'gc', 'memory'];

/** The pages of a server are all that its snapshots allow, asked for or not. */
const shownPages = () => PAGES.filter(page => (isServed ? canShow(page.key) : page.is()));

/** What a command opens on. */
const OPENS: Record<string, string> = { diff: 'diff', top: 'diff', leaks: 'overview', timeline: 'time', check: 'check', incident: 'card', goroutines: 'goroutines', gc: 'gc', memory: 'memory' };

/** In a report about one snapshot, the page of the differences is that of the snapshot; a server has a page for each. */
const titleOf = (page: Page) => (page.key === 'diff' && !isServed && source.value.report.command === 'top' ? 'Top' : page.title);

export function App() {
  const { report } = source.value, pages = shownPages(), keys = pages.map(page => page.key);
  const wanted = view.value.page || (report.answer.diff?.places || report.answer.top?.places ? 'goroutines' : OPENS[report.command]) || 'overview';
  const page = pages.find(one => one.key === wanted) ?? pages.find(one => one.key === 'overview') ?? pages[0];
  const drawn = isServed ? pages.find(one => one.key === shownPage.value) ?? page : page;
  const [help, setHelp] = useState(false), [more, setMore] = useState(false), [shared, setShared] = useState(false);
  const tabs = useRef<HTMLElement>(null), body = useRef<HTMLElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const key = plain(event);
      if (event.key === 'Escape' && help) { setHelp(false); return }
      if (key === null || isTyping(event) || event.defaultPrevented) return;
      const to = pages[Number(key) - 1];
      if (/^[1-9]$/.test(key) && to) go({ page: to.key });
      else if (key === '/') document.querySelector<HTMLElement>('[data-search]')?.focus();
      else if (key === 'g') { setMore(true); document.getElementById('type')?.focus() }
      else if (key === '?') setHelp(now => !now);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [pages.length, help]);
  useEffect(() => {
    const tab = tabs.current?.querySelector<HTMLElement>('[aria-current]');
    if (tab && tabs.current) tabs.current.scrollLeft = tab.offsetLeft - 24;
  }, [page.key, pages.length]);
  useEffect(() => { notice.value = '' }, [page.key]);
  useEffect(() => { document.title = [page.title, nameText(report.answer.inputs[0]?.program ?? report.command, 80), 'heapdiff'].filter(Boolean).join(' – ') }, [page.key, report]);
  const program = report.answer.inputs[0]?.program ?? report.answer.inputs[0]?.name ?? 'heapdiff';
  const isAbsent = view.value.page && view.value.page !== page.key;
  const title = titleOf(page);
  return <>
    <a class="skip" href="#app" onClick={event => { event.preventDefault(); body.current?.focus() }}>Skip to the page</a>
    <header class="bar">
      <p class="program"><strong>{nameText(program, 60)}</strong> <span class="pair">{pairText()}</span></p>
      <button class="fold" aria-expanded={more} aria-label="Options" onClick={() => setMore(!more)}>⋯</button>
      <div class={`options ${more ? 'shown' : ''}`}>
        {totals.value.length > 0 && <label>type <select id="type" value={isServed && query.value.si && totals.value.some(total => total.sample_type === query.value.si) ? query.value.si : sampleType.value.sample_type} onChange={event => { const { value } = event.currentTarget; go({}, 'push', { si: !isServed && value === report.answer.sample_type ? '' : value }) }}>
          {totals.value.map(total => <option key={total.sample_type} value={total.sample_type}>{nameText(total.sample_type, 60)}</option>)}</select></label>}
        {isServed && <ServedOptions />}
        <button onClick={() => void copy(location.href, 'the link to this view').then(done => { setShared(done); setTimeout(() => setShared(false), 1500) })}>{shared ? 'copied' : 'share'}</button>
        <button onClick={() => { choice.value = nextChoice(choice.value) }} aria-label={`Theme: ${choice.value}`}>{choice.value === 'auto' ? '◐ auto' : choice.value === 'dark' ? '● dark' : '○ light'}</button>
        <button aria-expanded={help} onClick={() => setHelp(!help)} aria-label="Help">?</button>
      </div>
    </header>
    <nav class="tabs" aria-label="Pages" ref={tabs}>{pages.map((one, k) => <To key={one.key} to={{ page: one.key }} current={one.key === page.key}>{titleOf(one)}{k < 9 && <kbd aria-hidden="true">{k + 1}</kbd>}</To>)}</nav>
    {help && <Help onClose={() => setHelp(false)} />}
    {isServed && <ServedRows isFolded={!more} />}
    <Notices isAbsent={isAbsent ? view.value.page : ''} />
    <section class={`page page-${drawn.key}`} ref={body} tabIndex={-1} aria-label={title}>
      {!['overview', 'check', 'card'].includes(page.key) && <h1 class="unseen">{title}</h1>}
      {isServed ? <ServedBody key={drawn.key} title={drawn.title} has={!NEEDS_DATA.includes(drawn.key) || drawn.is()}>{() => <drawn.Body pages={keys} />}</ServedBody> : <page.Body pages={keys} />}
    </section>
    <footer><p>heapdiff {report.version} {(!isServed || report.command_line) && <> · made by <code>{escape(commandLine())}</code></>}</p><p class="onlyprint">{escape(location.href.slice(0, 500))}</p></footer>
    <div class="unseen" role="status" aria-live="polite">{spoken}</div>
  </>;
}

function pairText(): string {
  const { answer } = source.value.report, { timeline, inputs } = answer;
  const time = (k: number | undefined) => (k === undefined ? undefined : inputs[k]?.time?.slice(11, 19)) ?? '';
  const process = answer.comparison?.process === 'same' ? ', same process' : answer.comparison?.process === 'different' ? ', different processes' : '';
  if (timeline) return `${counted(timeline.inputs.length, 'snapshots')} ${time(timeline.inputs[0])} … ${time(timeline.inputs[timeline.inputs.length - 1])}`;
  if (answer.comparison && inputs.length >= 2) return `a ${time(0)} → b ${time(inputs.length - 1)}${process}`;
  const { collector, memory } = source.value.report;
  if (!inputs.length) return (collector ?? memory)?.inputs.slice(0, 3).map(input => nameText(input.name, 60)).join(', ') ?? '';
  return inputs.length === 1 ? time(0) : counted(inputs.length, 'inputs');
}

function Notices({ isAbsent }: { isAbsent: string }) {
  const { report } = source.value, asked = options({ ...query.value, si: '' }, quote), { extra } = state.value;
  const unknownType = !isServed && query.value.si && sampleType.value.sample_type === report.answer.sample_type && query.value.si !== report.answer.sample_type;
  return <div class="notices" aria-live="polite">
    {isAbsent && <p>This {here} has no page “{nameText(isAbsent, 40)}”.</p>}
    {!isServed && asked.length > 0 && <div><p>A report answers one question: {asked.length === 1 ? 'this filter is' : 'these filters are'} not applied.</p><Command lead="Ask again" text={`${commandLine()} ${asked.join(' ')}`} /></div>}
    {unknownType && <p>No sample type is called {nameText(query.value.si, 60)}: this is {report.answer.sample_type}.</p>}
    {extra.length > 0 && <p>Not known here, and kept in the link: {extra.map(([key]) => nameText(key, 40)).join(', ')}.</p>}
    {notice.value && <p>{notice.value} <button class="small" onClick={() => { notice.value = '' }}>dismiss</button></p>}
  </div>;
}

function Help({ onClose }: { onClose: () => void }) {
  const places = [...new Set(KEYS.map(key => key.where))];
  return <section class="help" aria-labelledby="help"><h2 id="help">Help</h2>
    <div class="keys">{places.map(place => <div key={place}><h3>{place}</h3><dl>{KEYS.filter(key => key.where === place).map(key => <div key={key.what}><dt>{key.keys.map(k => <kbd key={k}>{k}</kbd>)}</dt><dd>{key.what}</dd></div>)}</dl></div>)}</div>
    <label><input type="checkbox" checked={letters.value} onChange={event => { letters.value = event.currentTarget.checked }} /> single letters and digits are keys</label>
    <dl class="terms"><div><dt>Δ flat</dt><dd>after − before, for memory the function itself allocated (Δ cum: it and what it calls)</dd></div>
      <div><dt>± 95 %</dt><dd>if the program were sampled again and again, 95 of 100 such intervals would contain the true value</dd></div>
      <div><dt>grey, ≈</dt><dd>the interval contains 0: the change may be sampling error, however large it looks</dd></div>
      <div><dt>kept</dt><dd>the share of memory allocated in between that is still in use</dd></div>
      <div><dt>f ← g</dt><dd>f, in the standard library, allocated memory on a call from g, in your own code</dd></div></dl>
    <p><button onClick={onClose}>close</button></p></section>;
}

// What stands around the pages of a server: the filters, the inputs, what is new, and why there is no answer.

import { Component, type ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { counted, nameText, sentence } from './format';
import { abouts, busy, commandNow, failure, fresh, load, loaded, update } from './live';
import { Filters } from './filters';
import { AddFiles, InputsDrawer, isOpen, useDrop } from './inputs';
import { go, notice, query, source, view } from './store';
import { Toggle, copy } from './ui';
import type { Page } from './http';

export const canShow = (page: string) => {
  // Before the first answer it isn't known what there is.
  if (!abouts.value.length && page === view.value.page) return true;
  const has = (...wanted: string[]) => wanted.some(about => abouts.value.includes(about));
  switch (page) {
    case 'diff': return has('diff');
    case 'top': return has('top', 'diff');
    case 'time': return has('timeline', 'leaks');
    case 'goroutines': return has('goroutines');
    case 'gc': return has('gc');
    case 'memory': return has('memory');
    case 'check': case 'card': return false;
    default: return true;
  }
};

const hasAnswer = () => !!source.value.report.command;

export function ServedOptions() {
  const [copied, setCopied] = useState('');
  const click = () => void commandNow().then(text => copy(text, 'the command that prints this')).then(done => { setCopied(done ? 'copied' : '') }, (error: Error) => { notice.value = error.message; setCopied('failed') })
    .then(() => setTimeout(() => setCopied(''), 1500));
  return <><button aria-expanded={isOpen.value} aria-controls="drawer" onClick={() => { isOpen.value = !isOpen.value }}>inputs <span class="dim">{loaded.value.inputs.length}</span></button>
    {hasAnswer() && <button onClick={click} title="the command line that prints what is shown">{copied || 'copy command'}</button>}</>;
}

export function ServedRows({ isFolded }: { isFolded: boolean }) {
  const isOver = useDrop();
  // An order of rows has no effect where there are none, and that is no news.
  const unused = ((source.value.report as Page).server?.ignored ?? []).filter(name => name !== 'sort' && name in query.value);
  return <>{hasAnswer() && <Filters isFolded={isFolded} />}
    {isOpen.value && <InputsDrawer />}
    {isOver && <p class="dropzone">Drop profiles to add them</p>}
    <div class="notices" aria-live="polite">
      {fresh.value !== 0 && hasAnswer() && <p>{fresh.value > 0 ? counted(fresh.value, 'new snapshots') : 'The inputs changed'}: <button class="small" onClick={() => void update()}>update</button> <Toggle on={view.value.follow} onChange={follow => { go({ follow }); void update() }}>follow</Toggle></p>}
      {loaded.value.live?.failed && <p>No snapshot of {nameText(loaded.value.live.url, 200)}: {said(loaded.value.live.failed)}</p>}
      {hasAnswer() && <Trouble />}
      {!isEmpty() && unmatched().map(text => <p key={text}>{said(text)}</p>)}
      {unused.length > 0 && <p>Without effect here, and kept in the link: {unused.join(', ')}.</p>}
    </div></>;
}

/** Words of the server, which may hold any name. */
const said = (text: string) => nameText(text.trim().replaceAll(/\s*\n\s*/g, ' '), 2000);

const again = () => void load(true);

/** Why what is shown is the last answer, and not the one that was asked for. */
function Trouble() {
  const why = failure.value;
  if (!why || why.parameter || why.code === 'no-match' || why.code === 'no-inputs') return null;
  return <p role="alert">{sentence(said(why.message))} {why.waitSeconds > 0 ? `Trying again in ${why.waitSeconds} s.` : ''} What is shown is the last answer. <button class="small" onClick={again}>try again</button></p>;
}

/** Filters that match nothing, as the answer says. */
const unmatched = () => source.value.report.answer.warnings.filter(warning => warning.code === 'no-match').map(warning => warning.message);
const isEmpty = () => { const { diff, top, timeline } = source.value.report.answer; return (diff ?? top ?? timeline)?.rows.length === 0 };

const NO_FILTER = { f: '', i: '', h: '', s: '', sf: '', tf: '', ti: '' };

/** A page that cannot be drawn leaves the others as they are. */
class Guard extends Component<{ children: ComponentChildren; of: unknown }, { wrong: string; of: unknown }> {
  override state = { wrong: '', of: this.props.of };

  static override getDerivedStateFromProps({ of }: { of: unknown }, was: { wrong: string; of: unknown }) { return of === was.of ? null : { wrong: '', of } }

  override componentDidCatch(error: Error) { this.setState({ wrong: error.message }) }

  override render() { return this.state.wrong ? <p class="wrong" role="alert">This page cannot be drawn: {said(this.state.wrong)}</p> : this.props.children }
}

/** The page, or why there is none. */
export function ServedBody({ children, title, has }: { children: () => ComponentChildren; title: string; has: boolean }) {
  const why = failure.value;
  if (why?.code === 'no-inputs' || (!hasAnswer() && !why && !busy.value && loaded.value.inputs.length === 0)) {
    return <div class="empty"><h1>Nothing to show yet</h1><p>Drop profiles here: heap, allocs, goroutine or other pprof profiles, of one moment, two, or many.</p><p><AddFiles>choose files</AddFiles></p></div>;
  }
  if (why?.code === 'no-match' || (!busy.value && unmatched().length > 0 && isEmpty())) {
    return <div class="empty"><p role="alert"><strong>{said(why?.message ?? `${unmatched().join('; ')}.`)}</strong></p><p>
      <button onClick={() => history.back()}>back</button> <button onClick={() => go({}, 'push', NO_FILTER)}>without filters</button></p></div>;
  }
  if (!hasAnswer()) {
    if (!why) return <p class="dim">Reading the snapshots…</p>;
    return <div class="empty"><p class="wrong" role="alert">{sentence(said(why.message))} {why.waitSeconds > 0 ? `Trying again in ${why.waitSeconds} s.` : ''}</p>
      <p><button onClick={again}>try again</button> {why.parameter && <button onClick={() => go({}, 'push', { ...NO_FILTER, [why.parameter]: '' })}>without filters</button>}</p></div>;
  }
  return <div class={busy.value ? 'answer stale' : 'answer'} aria-busy={busy.value}><Guard of={source.value}>{has ? children() : <p>The inputs say nothing about this: {title}.</p>}</Guard></div>;
}

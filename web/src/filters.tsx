// The question as chips: each filter can be read, changed and removed. Only where new questions can be asked.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { NO_QUERY, type Query } from './codec';
import { nameText } from './format';
import { failure } from './live';
import { go, query, source, view } from './store';
import { Wrong } from './ui';

type Key = 'f' | 'i' | 'h' | 's' | 'sf' | 'tf' | 'ti';

const FILTERS: Record<Key, [word: string, what: string]> = {
  f: ['focus', 'only stacks with a matching frame'], i: ['ignore', 'no stacks with a matching frame'], h: ['hide', 'matching frames are left out of stacks'], s: ['show', 'only matching frames of stacks'],
  sf: ['show from', 'stacks begin at the topmost matching frame'], tf: ['tag focus', 'only samples with a matching label, as key=regex'], ti: ['tag ignore', 'no samples with a matching label'],
};
const KEYS = Object.keys(FILTERS) as Key[];

const GRANULARITIES = ['functions', 'filefunctions', 'files', 'lines', 'addresses', 'packages'];
const SORTS: Record<string, [value: string, text: string][]> = { diff: [['bound', 'surest change'], ['delta', '|Δ flat|'], ['cum', '|Δ cum|']], top: [['flat', 'flat'], ['cum', 'cum']] };

/** What is in force without a value of its own. */
const SWITCHES: ['norm' | 'noinlines', string, string][] = [['norm', 'normalized', 'after is scaled to the total of before'], ['noinlines', 'no inlines', 'inlined functions count as part of their callers']];

/** Pages with rows, which have a granularity, and those whose order is asked for. */
const WITH_ROWS = ['overview', 'diff', 'top', 'time'], WITH_ORDER = ['diff', 'top'];

export function Filters({ isFolded }: { isFolded: boolean }) {
  const asked = query.value, [editing, setEditing] = useState<Key | ''>(''), [isAdding, setAdding] = useState(false), set = KEYS.filter(key => asked[key]);
  const why = failure.value, wrong = why?.parameter ? why : null, { answer, command } = source.value.report;
  const sorts = WITH_ORDER.includes(view.value.page) ? SORTS[answer.top ? 'top' : 'diff'] : null;
  const put = (next: Partial<Query>) => { setEditing(''); setAdding(false); go({}, 'push', next) };
  return <div class={`filters ${isFolded && !set.length && !wrong ? 'none' : ''} ${isFolded ? 'folded' : ''}`} role="group" aria-label="Filters">
    {set.map(key => editing === key
      ? <Edit key={key} kinds={[key]} value={asked[key]} onDone={text => (text === null ? setEditing('') : put({ [key]: text }))} />
      : <span key={key} class={`chip ${wrong?.parameter === key ? 'bad' : ''}`}><button class="plain" title={FILTERS[key][1]} aria-label={`Change the filter ${FILTERS[key][0]}: ${nameText(asked[key], 200)}`} onClick={() => setEditing(key)}>{FILTERS[key][0]} <code>{nameText(asked[key], 80)}</code></button>
        <button class="plain remove" aria-label={`Remove the filter ${FILTERS[key][0]}`} onClick={() => put({ [key]: '' })}>✕</button></span>)}
    {SWITCHES.filter(([key]) => asked[key]).map(([key, word, what]) => <span key={key} class="chip"><span>{word}: {what}</span><button class="plain remove" aria-label={`Remove ${word}`} onClick={() => put({ [key]: NO_QUERY[key] })}>✕</button></span>)}
    {asked.own && <span class="chip"><span>own code <code>{nameText(asked.own, 80)}</code></span><button class="plain remove" aria-label="Remove own code" onClick={() => put({ own: '' })}>✕</button></span>}
    {isAdding ? <Edit value="" kinds={KEYS.filter(key => !asked[key])} onDone={(text, key) => (text === null ? setAdding(false) : put({ [key]: text || asked[key] }))} />
      : <button class="foldable" onClick={() => { setEditing(''); setAdding(true) }}>+ filter</button>}
    {SWITCHES.filter(([key]) => !asked[key] && (key !== 'norm' || answer.diff)).map(([key, word, what]) => <button key={key} class="foldable" title={what} aria-pressed={false} onClick={() => put({ [key]: true })}>{word}</button>)}
    {WITH_ROWS.includes(view.value.page) && <label class="foldable">by <select id="granularity" value={asked.g || 'functions'} onChange={event => put({ g: event.currentTarget.value === 'functions' ? '' : event.currentTarget.value })}>
      {(GRANULARITIES.includes(asked.g) || !asked.g ? GRANULARITIES : [...GRANULARITIES, asked.g]).map(one => <option key={one} value={one}>{one}</option>)}</select></label>}
    {sorts && <label class="foldable">order <select id="sort" value={asked.sort || sorts[0][0]} onChange={event => put({ sort: event.currentTarget.value === sorts[0][0] ? '' : event.currentTarget.value })}>
      {(sorts.some(([value]) => value === asked.sort) || !asked.sort ? sorts : [...sorts, [asked.sort, asked.sort] as [string, string]]).map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select></label>}
    {wrong && <Wrong text={`${FILTERS[wrong.parameter as Key]?.[0] ?? wrong.parameter}: ${nameText(wrong.message.replace(`${wrong.parameter}: `, '').replaceAll(/\s*\n\s*/g, ' '), 2000)}${command ? ' What is shown is the last answer.' : ''}`} />}
  </div>;
}

/** The expression of a filter, of the kind that is chosen if there is a choice. */
function Edit({ kinds, value, onDone }: { kinds: Key[]; value: string; onDone: (text: string | null, key: Key) => void }) {
  const field = useRef<HTMLInputElement>(null), [key, setKey] = useState(kinds[0]), [word, what] = FILTERS[key];
  useLayoutEffect(() => { field.current!.focus(); field.current!.select() }, []);
  return <form class="chip edit" onSubmit={event => { event.preventDefault(); onDone(field.current!.value, key) }} onKeyDown={event => { if (event.key === 'Escape') { event.stopPropagation(); onDone(null, key) } }}>
    {kinds.length > 1 ? <select aria-label="Kind of filter" value={key} onChange={event => setKey(event.currentTarget.value as Key)}>{kinds.map(one => <option key={one} value={one}>{FILTERS[one][0]}</option>)}</select> : <span>{word}</span>}
    <input ref={field} type="text" defaultValue={value} spellcheck={false} placeholder={what} aria-label={`${word}: ${what}`} />
    <button class="small">apply</button><button type="button" class="small" onClick={() => onDone(null, key)}>cancel</button></form>;
}

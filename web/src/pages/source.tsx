// Which line: the source of functions with the values of each line.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Listing } from '../answer';
import { Again, useAsked } from '../asked';
import { change, display, escape, nameText, wholePercent, where } from '../format';
import { go, isPair, lineAbout, sampleType, source, view } from '../store';
import { Command, Delta, Name, Scroll, Wrong, expression, isSure, marginText } from '../ui';
import { candidates, firstFunction } from './refs';

const WHY: Record<string, string> = {
  unnamed: 'the profile names no file', 'no-source-name': "the name isn't that of a source file; others are never opened",
  'not-found': "the file isn't where it was compiled, below the working directory or in Go's folders; name its folder with -source_path",
  'too-large': 'the file is larger than 8 MiB', 'not-text': "the file contains bytes that aren't text", unreadable: 'no permission to read the file; check with ls -l',
};
const CHANGED: Record<string, string> = { newer: 'it was written after the profile was taken', shorter: 'it ends before a line of the profile', elsewhere: 'the function does not start where it did' };

const deltaOf = (of: Listing) => of.delta?.cum ?? of.after.cum;

export function SourcePage({ pages: _ }: { pages: string[] }) {
  return source.value.canAsk ? <Asking /> : <Carried />;
}

/** A list of functions, and the lines of one. */
const Split = ({ all, children, unit }: { all: { name: string; delta: number; place: string; isShown: boolean }[]; children: ComponentChildren; unit: string }) => <div class="split">
  <aside class="side" aria-label="Functions with source"><ul class="list">{all.map(one => <li key={one.name + one.place}>
    <button class="plain" aria-current={one.isShown ? 'true' : undefined} onClick={() => go({ sel: one.name })}><span class="num">{isPair.value ? change(one.delta, unit) : display(one.delta, unit)}</span> <Name name={one.name} length={80} /></button>
    {one.place && <span class="dim">{one.place}</span>}</li>)}</ul></aside>
  <section class="fill" aria-label="Source">{children}</section></div>;

/** The source that a report carries. */
function Carried() {
  const all = [...source.value.lines()].sort((x, y) => Math.abs(deltaOf(y)) - Math.abs(deltaOf(x)));
  const { sel } = view.value, shown = all.find(one => one.function === sel), listing = shown ?? all[0], { unit } = source.value.report.answer;
  return <Split unit={unit} all={all.map(one => ({ name: one.function, delta: deltaOf(one), place: where({ file: one.file, line: one.start_line }), isShown: one === listing }))}>
    {sel && !shown && <div><p>This report carries no source of <Name name={sel} />.</p><Command lead="Ask for it" text={lineAbout('list', sel)} /></div>}
    {sampleType.value.sample_type !== source.value.report.answer.sample_type && <p class="dim">Lines are of {source.value.report.answer.sample_type}.</p>}
    <Code listing={listing} unit={unit} /></Split>;
}

const MOST_LISTED = 200;

/** The source of any function, asked for by its name. */
function Asking() {
  const of = source.value, all = candidates(), name = view.value.sel || firstFunction() || all[0]?.name || '', { unit } = of.report.answer, [typed, setTyped] = useState('');
  const { value, isOld, failure, retry } = useAsked([of, name], signal => (name ? of.askLines(name, signal) : null)), { regex, wrong } = expression(typed);
  const found = all.filter(one => (regex ? regex.test(one.name) : one.delta !== 0 || one.name === name)).slice(0, MOST_LISTED);
  if (!name) return <p>No function to show source of.</p>;
  const isSame = value?.some(one => one.function === name);
  return <Split unit={unit} all={found.map(one => ({ ...one, place: '', isShown: one.name === name }))}>
    <div class="tools"><label>Find a function <input type="search" value={typed} spellcheck={false} aria-invalid={!!wrong} onInput={event => setTyped(event.currentTarget.value)} data-search /></label></div>
    <Wrong text={wrong} />
    {failure ? <Again what="The source is not there:" failure={failure} retry={retry} />
      : isOld && !isSame ? <p class="dim">Reading the source…</p>
      : !value?.length ? <p>No samples are in <Name name={name} />.</p>
      : <div class={isOld ? 'stale' : ''} aria-busy={isOld}>{value.map((listing, k) => <Code key={k} listing={listing} unit={unit} />)}</div>}
    <Command lead="The same in a terminal" text={lineAbout('list', name)} /></Split>;
}

function Code({ listing, unit }: { listing: Listing; unit: string }) {
  const isTwo = listing.delta !== null && listing.delta !== undefined, { source: text } = listing;
  const values = new Map(listing.lines.map(line => [line.line, line])), first = listing.start_line ?? text?.lines[0]?.line ?? 0;
  const lines = text?.lines.length ? text.lines : listing.lines.map(line => ({ line: line.line ?? 0, text: '' }));
  const whole = Math.abs(deltaOf(listing));
  return <><h2><Name name={listing.function} /></h2>
    <p class="dim">{escape(text?.path ?? listing.file ?? '')}</p>
    {text && text.changed.length > 0 && <p class="wrong">The file may have changed since ({text.changed.map(why => CHANGED[why] ?? why).join('; ')}); lines may be off.</p>}
    {!text && <div><p class="wrong">No source: {WHY[listing.no_source ?? ''] ?? 'it was not found'}.</p></div>}
    <Scroll><table class="code"><caption class="unseen">Lines of {nameText(listing.function, 100)}</caption>
      <thead><tr><th scope="col" class="num">{isTwo ? 'Δ cum' : 'cum'}</th><th scope="col" class="num">± 95 %</th>{isTwo && <><th scope="col" class="num wide">before</th><th scope="col" class="num wide">after</th></>}<th scope="col" class="num wide">flat</th><th scope="col" class="num">line</th><th scope="col">source from line {first}</th></tr></thead>
      <tbody>{lines.map((line, k) => {
        const of = values.get(line.line), delta = of ? of.delta?.cum ?? of.after.cum : 0, error = of?.error?.cum ?? null, isReal = isSure(error);
        return <tr key={k} class={of && whole ? 'hot' : ''} style={{ '--heat': of && whole ? Math.min(1, Math.abs(delta) / whole).toFixed(2) : 0 }}>
          <td class="num">{of ? isTwo ? <Delta delta={delta} unit={unit} real={isReal} /> : display(delta, unit) : ''}</td><td class="num dim">{of ? marginText(error, delta, unit) : ''}</td>
          {isTwo && <><td class="num wide">{of?.before ? display(of.before.cum, unit) : ''}</td><td class="num wide">{of ? display(of.after.cum, unit) : ''}</td></>}
          <td class="num wide">{of ? isTwo ? change(of.delta!.flat, unit) : display(of.after.flat, unit) : ''}</td>
          <td class="num dim">{line.line || ''}</td><td class="text">{escape(line.text.replaceAll('\t', '    ')) || ' '}{of && whole ? <span class="unseen"> {wholePercent((Math.abs(delta) / whole) * 100)} of the function</span> : ''}</td></tr>;
      })}</tbody></table></Scroll></>;
}

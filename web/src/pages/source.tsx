// Which line: the source of functions with the values of each line, as far as the report carries it.

import type { Listing } from '../answer';
import { change, display, escape, exactly, nameText, quote, wholePercent, where } from '../format';
import { compared, go, isPair, sampleType, source, view } from '../store';
import { Command, Delta, Name, Scroll, isSure, marginText } from '../ui';

const WHY: Record<string, string> = {
  unnamed: 'the profile names no file', 'no-source-name': "the name isn't that of a source file; others are never opened",
  'not-found': "the file isn't where it was compiled, below the working directory or in Go's folders; name its folder with -source_path",
  'too-large': 'the file is larger than 8 MiB', 'not-text': "the file contains bytes that aren't text", unreadable: 'no permission to read the file; check with ls -l',
};
const CHANGED: Record<string, string> = { newer: 'it was written after the profile was taken', shorter: 'it ends before a line of the profile', elsewhere: 'the function does not start where it did' };

const deltaOf = (of: Listing) => of.delta?.cum ?? of.after.cum;

export function SourcePage({ pages: _ }: { pages: string[] }) {
  const all = [...source.value.lines()].sort((x, y) => Math.abs(deltaOf(y)) - Math.abs(deltaOf(x)));
  const { sel } = view.value, shown = all.find(one => one.function === sel), listing = shown ?? all[0], { unit } = source.value.report.answer;
  return <div class="split">
    <aside class="side" aria-label="Functions with source"><ul class="list">{all.map(one => <li key={one.function + one.file}>
      <button class="plain" aria-current={one === listing ? 'true' : undefined} onClick={() => go({ sel: one.function })}><span class="num">{isPair.value ? change(deltaOf(one), unit) : display(deltaOf(one), unit)}</span> <Name name={one.function} length={80} /></button>
      <span class="dim">{where({ file: one.file, line: one.start_line })}</span></li>)}</ul></aside>
    <section class="fill" aria-label="Source">
      {sel && !shown && <div><p>This report carries no source of <Name name={sel} />.</p><Command lead="Ask for it" text={`heapdiff list ${quote(exactly(sel))} ${compared.value.map(quote).join(' ')}`} /></div>}
      {sampleType.value.sample_type !== source.value.report.answer.sample_type && <p class="dim">Lines are of {source.value.report.answer.sample_type}.</p>}
      <Code listing={listing} unit={unit} />
    </section></div>;
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

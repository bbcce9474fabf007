// Small parts that pages share.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { change, changeMargin, escape, nameText, shorten, type Bounds } from './format';
import { go, link, say, view } from './store';
import type { View } from './codec';

/** A function's name that may break where a reader would break it. */
export function Name({ name, own, length = 200 }: { name: string; own?: boolean; length?: number }) {
  const parts = nameText(name, length).split(/(?<=[/.])(?=[^/.])/);
  const children: ComponentChildren[] = [];
  parts.forEach((part, k) => { if (k) children.push(<wbr />); children.push(part) });
  return <bdi class={own ? 'name own' : 'name'}>{children}</bdi>;
}

/** A link to another view of the page. */
export function To({ to, children, class: klass, label, current }: { to: Partial<View>; children: ComponentChildren; class?: string; label?: string; current?: boolean }) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
  return <a href={link(to)} class={klass} aria-label={label} aria-current={current ? 'page' : undefined} onClick={follow}>{children}</a>;
}

export async function copy(text: string, what: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'unseen';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    if (!done) { say('The browser does not allow copying.'); return false }
  }
  say(`Copied ${what}.`);
  return true;
}

export function CopyButton({ text, what, children = 'copy' }: { text: string; what: string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  const click = () => void copy(text, what).then(worked => { setDone(worked); setTimeout(() => setDone(false), 1500) });
  return <button class="small" onClick={click} aria-label={`Copy ${what}`}>{done ? 'copied' : children}</button>;
}

/** A command to type, as it is to be pasted. */
export function Command({ text, lead }: { text: string; lead?: string }) {
  return <p class="command">{lead && <span class="lead">{lead}: </span>}<code>{escape(text)}</code> <CopyButton text={text} what="the command" /></p>;
}

/** A regular expression that is being typed; what is wrong with it if it is none. */
export function expression(text: string): { regex: RegExp | null; wrong: string } {
  try { return { regex: text ? new RegExp(text, 'i') : null, wrong: '' } } catch (error) { return { regex: null, wrong: nameText((error as Error).message, 400) } }
}

/** The field that `/` leads to; what is typed is in the link. */
export function Search({ label = 'Filter', wrong = '', onKeyDown }: { label?: string; wrong?: string; onKeyDown?: (event: KeyboardEvent) => void }) {
  return <label>{label} <input type="search" data-search value={view.value.search} spellcheck={false} placeholder="regular expression" aria-invalid={!!wrong} onInput={event => go({ search: event.currentTarget.value }, 'soon')} onKeyDown={onKeyDown} /></label>;
}

export const Wrong = ({ text }: { text: string }) => (text ? <p class="wrong" role="alert">{text}</p> : null);

/** Whether an interval leaves out 0; one that is unknown says nothing against the change. */
export const isSure = (error: Bounds | null | undefined) => !error || error.lower > 0 || error.upper < 0;

/** The colour class of a change: noise has none. */
export const tone = (delta: number, isReal: boolean) => (!isReal || delta === 0 ? 'noise' : delta > 0 ? 'grew' : 'shrank');

export function Delta({ delta, unit, real = true }: { delta: number; unit: string; real?: boolean }) {
  return <span class={tone(delta, real)}>{change(delta, unit)}</span>;
}

export const marginText = (error: Bounds | null | undefined, delta: number, unit: string) => (error ? changeMargin(error, delta, unit) : '');

/** Values as a line; the numbers are beside it in words. */
export function Spark({ values, wide = 120, high = 24 }: { values: number[]; wide?: number; high?: number }) {
  const most = Math.max(...values), least = Math.min(...values, most), span = most - least || 1;
  const x = (k: number) => (values.length < 2 ? 0 : (k / (values.length - 1)) * (wide - 4)) + 2;
  const y = (v: number) => high - 3 - ((v - least) / span) * (high - 6);
  const d = values.map((v, k) => `${k ? 'L' : 'M'}${x(k).toFixed(1)},${y(v).toFixed(1)}`).join('');
  return <svg class="spark" width={wide} height={high} viewBox={`0 0 ${wide} ${high}`} aria-hidden="true"><path d={d} />
    {values.length > 0 && <circle cx={x(values.length - 1)} cy={y(values[values.length - 1])} r="2" />}</svg>;
}

/** A square of a colour, beside what it stands for. */
export const Swatch = ({ colour }: { colour: string }) => <svg class="swatch" width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill={colour} stroke="currentColor" stroke-opacity="0.35" /></svg>;

/** A table that may be wider than the window: keys scroll it too. */
export const Scroll = ({ children }: { children: ComponentChildren }) => <div class="scroll" role="group" aria-label="Table" tabIndex={0}>{children}</div>;

/** Buttons of which one is pressed. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: [T, string, string?][]; onChange: (value: T) => void }) {
  return <div class="choice" role="group" aria-label={label}>
    {options.map(([key, text, title]) => <button key={key} aria-pressed={value === key} title={title} onClick={() => onChange(key)}>{text}</button>)}
  </div>;
}

export function Toggle({ label, on, onChange, children }: { label?: string; on: boolean; onChange: (on: boolean) => void; children: ComponentChildren }) {
  return <button aria-pressed={on} aria-label={label} onClick={() => onChange(!on)}>{children}</button>;
}

/** Links of a function to the pages about it. */
export function Links({ name, pages }: { name: string; pages: string[] }) {
  const to: [string, string][] = [['refs', 'call paths'], ['flame', 'flame graph'], ['time', 'timeline'], ['source', 'source']];
  return <span class="links">{to.filter(([page]) => pages.includes(page) && page !== view.value.page)
    .map(([page, text]) => <To key={page} to={{ page, sel: name, open: [], ...(page === 'flame' ? { search: `^${shorten(name, 300).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$` } : {}) }} label={`${text} of ${nameText(name, 80)}`}>{text}</To>)}</span>;
}

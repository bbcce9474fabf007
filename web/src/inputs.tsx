// The snapshots that the server has: choose two, add more, see what is live.

import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { bytes, counted, exact, nameText, nanoseconds, uploadName } from './format';
import { Failure, type ServedInput } from './http';
import { loaded, refresh, remove } from './live';
import { go, query, say, view } from './store';
import { Name, Toggle } from './ui';

interface Sent { key: number; name: string; size: number; done: number; state: 'sending' | 'reading' | 'ready' | 'failed'; why: string }

/** Files that were given to the page, the newest first. */
const sent = signal<Sent[]>([]);
export const isOpen = signal(false);
let count = 0;

const change = (key: number, to: Partial<Sent>) => { sent.value = sent.value.map(one => (one.key === key ? { ...one, ...to } : one)) };

/** Sends a file; what goes wrong is said beside its name, and the page goes on. */
function send(file: File): Promise<void> {
  const key = ++count;
  sent.value = [{ key, name: file.name, size: file.size, done: 0, state: 'sending', why: '' }, ...sent.value];
  return new Promise(done => {
    // fetch does not say how much has been sent.
    const upload = new XMLHttpRequest();
    const fail = (why: string) => { change(key, { state: 'failed', why }); say(`${nameText(file.name, 60)}: ${why}`); done() };
    upload.open('POST', `/api/v1/inputs?name=${encodeURIComponent(uploadName(file.name))}`);
    upload.setRequestHeader('content-type', 'application/octet-stream');
    upload.setRequestHeader('x-heapdiff', '1');
    upload.upload.addEventListener('progress', event => change(key, { done: event.loaded, state: event.loaded === event.total ? 'reading' : 'sending' }));
    upload.addEventListener('load', () => {
      if (upload.status === 201 || upload.status === 200) { change(key, { state: 'ready', done: file.size }); say(`${nameText(file.name, 60)} is read.`); done(); return }
      let why = `the server answered ${upload.status}`;
      try { why = (JSON.parse(upload.responseText) as { error: { message: string } }).error.message } catch { if (upload.responseText && upload.responseText.length < 300) why = upload.responseText }
      fail(why);
    });
    upload.addEventListener('error', () => fail('the server does not answer, or ended the connection'));
    upload.send(file);
  });
}

async function sendAll(files: Iterable<File>): Promise<void> {
  isOpen.value = true;
  for (const file of files) await send(file);
  await refresh();
}

/** Files dropped anywhere on the page. */
export function useDrop(): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const holds = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const enter = (event: DragEvent) => { if (holds(event)) { depth++; setOver(true); event.preventDefault() } };
    const over = (event: DragEvent) => { if (holds(event)) event.preventDefault() };
    const leave = (event: DragEvent) => { if (holds(event) && --depth <= 0) { depth = 0; setOver(false) } };
    const drop = (event: DragEvent) => { depth = 0; setOver(false); if (event.dataTransfer?.files.length) { event.preventDefault(); void sendAll([...event.dataTransfer.files]) } };
    const all: [string, (event: DragEvent) => void][] = [['dragenter', enter], ['dragover', over], ['dragleave', leave], ['drop', drop]];
    for (const [name, act] of all) addEventListener(name, act as EventListener);
    return () => { for (const [name, act] of all) removeEventListener(name, act as EventListener) };
  }, []);
  return isOver;
}

export function AddFiles({ children }: { children: string }) {
  const field = useRef<HTMLInputElement>(null);
  return <><input ref={field} class="unseen" type="file" multiple tabIndex={-1} aria-label="Profiles to add" onChange={event => { const files = [...event.currentTarget.files ?? []]; event.currentTarget.value = ''; void sendAll(files) }} />
    <button onClick={() => field.current!.click()}>{children}</button></>;
}

const labelOf = (input: ServedInput) => `${input.id}: ${nameText(input.name.slice(input.name.lastIndexOf('/') + 1), 60)}${input.time ? ` ${input.time.slice(11, 19)}` : ''}`;

/** Which snapshot is before, and which after. */
export function Ends() {
  const { inputs, default: ends } = loaded.value, ready = inputs.filter(input => input.state === 'ready' && input.kind !== 'goroutine');
  if (ready.length < 2) return null;
  const valueOf = (side: 'a' | 'b') => query.value[side] || ends[side];
  const pick = (side: 'a' | 'b', id: string) => go({}, 'push', { [side]: id === ends[side] ? '' : id });
  const list = (side: 'a' | 'b', word: string) => {
    const now = valueOf(side);
    return <label>{word} <select id={`input-${side}`} value={now} onChange={event => pick(side, event.currentTarget.value)}>
      {!ready.some(input => input.id === now) && <option value={now}>{nameText(now, 40)}</option>}{ready.map(input => <option key={input.id} value={input.id}>{labelOf(input)}</option>)}</select></label>;
  };
  return <div class="tools">{list('a', 'before (a)')}{list('b', 'after (b)')}
    <button onClick={() => go({}, 'push', { a: valueOf('b'), b: valueOf('a') })}>swap</button>
    {(query.value.a || query.value.b) && <button onClick={() => go({}, 'push', { a: '', b: '' })}>first and last</button>}</div>;
}

const STATES: Record<Sent['state'], string> = { sending: 'sending', reading: 'reading', ready: 'ready', failed: 'failed' };
const MOST_SHOWN = 300;

export function InputsDrawer() {
  const { inputs, live } = loaded.value, [wrong, setWrong] = useState('');
  const drop = (id: string) => void remove(id).then(() => setWrong(''), (error: Failure) => setWrong(error.message));
  return <section class="help drawer" id="drawer" aria-labelledby="drawerhead"><h2 id="drawerhead">Inputs</h2>
    <Ends />
    {live && <p role="status">Live: <code>{nameText(live.url, 200)}</code>, {live.failed ? <span class="wrong">the last capture failed: {nameText(live.failed, 400)}</span> : `a snapshot every ${nanoseconds(live.every_seconds * 1e9)}`}{' '}
      <Toggle on={view.value.follow} onChange={follow => go({ follow })}>follow: show new snapshots as they come</Toggle></p>}
    <p><AddFiles>add profiles</AddFiles> <span class="dim">or drop them anywhere on the page; they stay in the memory of the server</span></p>
    {sent.value.length > 0 && <ul class="sent" aria-label="Files sent">{sent.value.map(one => <li key={one.key}><Name name={one.name} length={80} /> <span class="dim">{bytes(one.size)}</span>{' '}
      {one.state === 'sending' && <progress aria-label={`Sending ${nameText(one.name, 60)}`} max={one.size || 1} value={one.done} />} <span class={one.state === 'failed' ? 'wrong' : 'dim'}>{STATES[one.state]}{one.why && `: ${nameText(one.why, 600)}`}</span></li>)}
      <li><button class="small" onClick={() => { sent.value = sent.value.filter(one => one.state === 'sending') }}>clear this list</button></li></ul>}
    {wrong && <p class="wrong" role="alert">{wrong}</p>}
    {inputs.length > 0 && <div class="scroll tall" role="group" aria-label="Inputs that the server has" tabIndex={0}><table><thead><tr><th scope="col" class="num">id</th><th scope="col">profile</th><th scope="col" class="wide">kind</th><th scope="col">taken</th><th scope="col" class="num wide">samples</th><th scope="col" class="num wide">size</th><th scope="col">state</th></tr></thead>
      <tbody>{inputs.slice(-MOST_SHOWN).map(input => <tr key={input.id}><td class="num">{input.id}</td><th scope="row"><Name name={input.name} length={120} /></th><td class="wide">{nameText(input.kind, 40)}</td><td>{input.time?.slice(0, 19).replace('T', ' ') ?? ''}</td>
        <td class="num wide">{exact(input.samples ?? 0, 'count')}</td><td class="num wide">{bytes(input.bytes ?? 0)}</td>
        <td>{input.state === 'ready' ? '' : <span class="wrong">{input.state}{input.error && `: ${nameText(input.error, 400)}`}</span>} {input.uploaded && <button class="small" aria-label={`Remove ${nameText(input.name, 80)}`} onClick={() => drop(input.id)}>remove</button>}</td></tr>)}</tbody></table></div>}
    {inputs.length > MOST_SHOWN && <p class="dim">The newest {MOST_SHOWN} of {counted(inputs.length, 'inputs')}.</p>}
  </section>;
}

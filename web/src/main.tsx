// Starts the page: reads its data, then takes over from the plain HTML that was there before any script.

import { render } from 'preact';
import { App } from './app';
import { Embedded } from './source';
import { startServed } from './live';
import { follow, isServed, source } from './store';
import { followSystem, printing, remember } from './theme';

async function start(): Promise<void> {
  const place = document.getElementById('app');
  if (!place) return;
  try {
    if (!isServed) source.value = await Embedded.open(document);
  } catch (error) {
    // What Rust wrote stays: it says the same, without the pictures.
    const note = document.createElement('p');
    note.setAttribute('role', 'alert');
    note.textContent = (error as Error).message;
    place.prepend(note);
    return;
  }
  if (isServed) remember();
  followSystem();
  follow();
  addEventListener('beforeprint', () => { printing.value = true });
  addEventListener('afterprint', () => { printing.value = false });
  place.textContent = '';
  render(<App />, place);
  if (isServed) await startServed();
  document.documentElement.dataset.ready = '1';
}

void start();

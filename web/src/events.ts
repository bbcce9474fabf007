// The stream of what the server says. A browser has few connections to one server, so a page that is hidden closes its
// stream; shown again, it opens another one and asks what it missed.

/** Seconds before the stream is opened again after the server refused it. */
const REOPEN = 5;

/** Calls `news` for each thing that is new, and `back` when the stream is there again. */
export function listen(news: () => void, back: () => void): void {
  let events: EventSource | null = null, again: ReturnType<typeof setTimeout> | undefined, isLate = document.hidden;
  const open = () => {
    clearTimeout(again);
    if (events || document.hidden) return;
    const own = events = new EventSource('/api/v1/events');
    own.addEventListener('inputs', news);
    own.addEventListener('open', () => { if (isLate) { isLate = false; back() } });
    own.addEventListener('error', () => {
      isLate = true;
      if (own.readyState !== EventSource.CLOSED || events !== own) return;
      events = null;
      again = setTimeout(open, REOPEN * 1000);
    });
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) { open(); return }
    clearTimeout(again);
    events?.close();
    events = null;
    isLate = true;
  });
  open();
}

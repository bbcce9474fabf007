// What the page shows as the text of its address, and back.
//
// `query` is what a server would need to answer: pprof's parameters, with pprof's names and meaning. `view` is how the
// answer is looked at. Only what differs from the default is written, in a fixed order, so equal states have equal links.
// A parameter that this page does not know stays in `extra`: it is kept in the address, and named in a notice.

export interface Query {
  si: string; f: string; i: string; h: string; s: string; sf: string;
  tf: string; ti: string; ts: string; th: string;
  g: string; n: string; nf: string; sort: string;
  norm: boolean; noinlines: boolean; dropneg: boolean; rel: boolean;
  a: string; b: string; own: string;
}

export type Width = 'after' | 'before' | 'delta';

export interface View {
  page: string;
  width: Width;
  flip: boolean;
  gone: boolean;
  noise: boolean;
  table: boolean;
  search: string;
  zoom: string[];
  sel: string;
  callees: boolean;
  open: string[];
  cols: string[];
  by: string;
  t0: string; t1: string;
  /** Whether new snapshots are shown as they come. */
  follow: boolean;
}

export interface State { query: Query; view: View; extra: [string, string][] }

export const NO_QUERY: Query = {
  si: '', f: '', i: '', h: '', s: '', sf: '', tf: '', ti: '', ts: '', th: '', g: '', n: '', nf: '', sort: '',
  norm: false, noinlines: false, dropneg: false, rel: false, a: '', b: '', own: '',
};
export const NO_VIEW: View = {
  page: '', width: 'after', flip: false, gone: true, noise: false, table: false, search: '', zoom: [], sel: '',
  callees: false, open: [], cols: [], by: '', t0: '', t1: '', follow: false,
};

/** Nodes of a tree that a link can hold open. */
export const MOST_OPEN = 32;

const QUERY_KEYS = Object.keys(NO_QUERY) as (keyof Query)[];

/** Where a server has its pages. */
export const PATHS: Record<string, string> = {
  overview: '/', diff: '/diff', top: '/top', flame: '/flame', refs: '/refs', time: '/time', source: '/source', goroutines: '/goroutines', gc: '/gc', memory: '/memory',
};

/** The names of view fields in the address. `p` is the page: a fragment has no path to name it. */
const VIEW_KEYS: [string, keyof View][] = [
  ['p', 'page'], ['w', 'width'], ['flip', 'flip'], ['gone', 'gone'], ['noise', 'noise'], ['as', 'table'], ['q', 'search'],
  ['z', 'zoom'], ['sel', 'sel'], ['callees', 'callees'], ['open', 'open'], ['cols', 'cols'], ['by', 'by'], ['t0', 't0'], ['t1', 't1'], ['follow', 'follow'],
];

/** pprof writes `t` and `f`. */
const TRUE = ['1', 't', 'true'], FALSE = ['0', 'f', 'false'];

const WIDTHS: Width[] = ['after', 'before', 'delta'];

const isDefault = (value: unknown, of: unknown) =>
  Array.isArray(value) ? value.length === 0 : value === of;

const write = (value: unknown) =>
  Array.isArray(value) ? value.join('.') : typeof value === 'boolean' ? (value ? '1' : '0') : String(value);

const LONE_SURROGATE = /[\ud800-\udfff]/gu;

/** Readable where the address allows it: `/`, `:`, `*` and the like stay as they are. */
const encodeText = (text: string) =>
  encodeURIComponent(text.replace(LONE_SURROGATE, '\ufffd')).replace(/%(2F|3A|2C|40|24|3B)/g, code => decodeURIComponent(code)).replaceAll('%20', '+');

function decodeText(text: string): string {
  try { return decodeURIComponent(text.replaceAll('+', ' ')) } catch { return text }
}

export function encode(state: State): string {
  const parts: string[] = [];
  const put = (key: string, text: string) => parts.push(`${encodeText(key)}=${encodeText(text)}`);
  for (const [key, field] of VIEW_KEYS) {
    const value = state.view[field];
    if (!isDefault(value, NO_VIEW[field])) put(key, write(value));
  }
  for (const key of QUERY_KEYS) {
    const value = state.query[key];
    if (!isDefault(value, NO_QUERY[key])) put(key, write(value));
  }
  for (const [key, value] of state.extra) put(key, value);
  return parts.join('&');
}

function readView(view: View, field: keyof View, text: string): boolean {
  const default_ = NO_VIEW[field];
  if (field === 'width') {
    if (!WIDTHS.includes(text as Width)) return false;
    view.width = text as Width;
  } else if (typeof default_ === 'boolean') {
    if (text !== '0' && text !== '1') return false;
    (view[field] as boolean) = text === '1';
  } else if (Array.isArray(default_)) {
    const items = text.split('.').filter(item => item !== '');
    (view[field] as string[]) = field === 'open' ? items.slice(0, MOST_OPEN) : items;
  } else {
    (view[field] as string) = text;
  }
  return true;
}

export function decode(text: string): State {
  const query = { ...NO_QUERY }, view: View = { ...NO_VIEW, zoom: [], open: [], cols: [] }, extra: [string, string][] = [];
  for (const part of text.replace(/^[#?]/, '').split('&')) {
    if (!part) continue;
    const equals = part.indexOf('=');
    const key = decodeText(equals < 0 ? part : part.slice(0, equals)), value = equals < 0 ? '' : decodeText(part.slice(equals + 1));
    const field = VIEW_KEYS.find(([name]) => name === key)?.[1];
    if (field) {
      if (!readView(view, field, value)) extra.push([key, value]);
    } else if (QUERY_KEYS.includes(key as keyof Query)) {
      const of = NO_QUERY[key as keyof Query];
      if (typeof of !== 'boolean') (query as unknown as Record<string, unknown>)[key] = value;
      else if (TRUE.includes(value)) (query as unknown as Record<string, unknown>)[key] = true;
      else if (!FALSE.includes(value)) extra.push([key, value]);
    } else {
      extra.push([key, value]);
    }
  }
  return { query, view, extra };
}

/** The address of a view on a server: its page is the path. */
export function encodePath(state: State): string {
  const text = encode({ ...state, view: { ...state.view, page: '' } });
  return (PATHS[state.view.page] ?? '/') + (text && `?${text}`);
}

/** A view of a server's address. There `p` is what it is for pprof, an expression to look for; a token is nothing to share. */
export function decodePath(path: string, text: string): State {
  const state = decode(text), { view } = state;
  if (view.page && !view.search) view.search = view.page;
  state.extra = state.extra.filter(([key]) => key !== 'token');
  view.page = Object.keys(PATHS).find(page => page !== 'overview' && PATHS[page] === path.replace(/\/$/, '')) ?? 'overview';
  return state;
}

/** The parameters of a query, without those named: equal questions have equal texts. */
export function ask(query: Query, without: (keyof Query)[] = []): string {
  const kept = { ...query };
  for (const key of without) (kept[key] as Query[keyof Query]) = NO_QUERY[key];
  return encode({ query: kept, view: NO_VIEW, extra: [] });
}

/** The options of heapdiff that a query stands for. */
export function options(query: Query, quote: (word: string) => string): string[] {
  const OPTIONS: Partial<Record<keyof Query, string>> = {
    si: 'sample-index', f: 'focus', i: 'ignore', h: 'hide', s: 'show', sf: 'show-from', tf: 'tagfocus', ti: 'tagignore',
    g: 'granularity', n: 'nodecount', sort: 'sort', own: 'own',
  };
  const words: string[] = [];
  for (const key of QUERY_KEYS) {
    const value = query[key], name = OPTIONS[key];
    if (typeof value === 'string' && value && name) words.push(`--${name}=${quote(value)}`);
  }
  if (query.norm) words.push('--normalize');
  if (query.noinlines) words.push('--noinlines');
  return words;
}

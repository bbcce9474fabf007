// Charts as SVG: they print as vectors, take their colours from the style sheet, and have a table beside them.

import { extent, ticks as valueTicks } from 'd3-array';
import { utcTicks } from 'd3-time';
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { display, nanoseconds, classify } from './format';
import { SERIES, mix, printing, theme } from './theme';

export interface Series { name: string; values: (number | null)[]; colour: string }

export const colourOf = (k: number) => SERIES[theme()][k % (SERIES[theme()].length - 1)];
export const restColour = () => SERIES[theme()][SERIES[theme()].length - 1];

/** A colour that Rust chose for white paper; paler on a dark one. */
export const chartColour = (hex: string) => (theme() === 'dark' ? mix(hex, '#ffffff', 0.3) : hex);

/** Round values for an axis: of bytes, powers of two. */
export function roundTicks(most: number, unit: string, count: number, least = 0): number[] {
  const [kind, factor] = classify(unit);
  if (kind !== 'bytes' || !(most > least)) return valueTicks(least, most, count);
  const scale = 1024 ** Math.max(0, Math.min(6, Math.floor(Math.log2(Math.max(Math.abs(most), Math.abs(least)) * factor || 1) / 10))) / factor;
  return valueTicks(least / scale, most / scale, count).map(tick => tick * scale);
}

export interface Mark { at: number; kind: 'restart' | 'note'; text: string }

interface Props {
  label: string;
  unit: string;
  /** Where each value is, in nanoseconds or as a number of a snapshot. */
  x: number[];
  isTime: boolean;
  start: number | null;
  layers: Series[];
  lines: Series[];
  marks: Mark[];
  range?: [number, number] | null;
  cursor?: number | null;
  /** Without these the chart is a picture only. */
  onCursor?: (k: number) => void;
  onRange?: (range: [number, number] | null) => void;
  high: number;
}

/** Straight lines through points, with a gap where there is none. */
const pathOf = (points: ([number, number] | null)[]) => points.map((point, k) => (point ? `${k && points[k - 1] ? 'L' : 'M'}${point[0].toFixed(1)},${point[1].toFixed(1)}` : '')).join('');

/** Where each layer begins and ends, one on the other. */
function stacked(layers: Series[], n: number): [number, number][][] {
  const base = new Array<number>(n).fill(0);
  return layers.map(layer => base.map((low, k) => [low, base[k] += Math.max(0, layer.values[k] ?? 0)]));
}

/** The width that there is; on paper, that of a page. */
function useWide(): [RefObject<HTMLDivElement>, number] {
  const box = useRef<HTMLDivElement>(null), [wide, setWide] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWide(Math.max(260, box.current?.clientWidth ?? 600)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  return [box as RefObject<HTMLDivElement>, printing.value ? 680 : wide];
}

const LEFT = 74, RIGHT = 14, TOP = 10, BOTTOM = 30;

export function TimeChart(props: Props) {
  const [box, wide] = useWide(), { x, layers, lines, unit, high, cursor = null, range = null, onCursor, onRange } = props;
  const dragging = useRef<number | null>(null);
  const n = x.length, [x0 = 0, x1 = 1] = extent(x) as [number, number];
  const X = (v: number) => LEFT + (x1 > x0 ? (v - x0) / (x1 - x0) : 0.5) * (wide - LEFT - RIGHT);
  const stacks = stacked(layers, n), tops = [...stacks.map(of => Math.max(0, ...of.map(([, top]) => top))), ...lines.flatMap(of => of.values.map(v => v ?? 0))];
  const most = Math.max(1, ...tops);
  const Y = (v: number) => high - BOTTOM - (v / most) * (high - TOP - BOTTOM);
  const points = (of: (number | null)[]) => of.map((v, k): [number, number] | null => (v === null ? null : [X(x[k]), Y(v)]));
  const path = (of: [number, number][]) => (n ? `${pathOf([...points(of.map(([, top]) => top)), ...points(of.map(([low]) => low)).map((_, k, all) => all[n - 1 - k])])}Z` : '');
  const near = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * wide;
    let best = 0;
    for (let k = 1; k < n; k++) if (Math.abs(X(x[k]) - at) < Math.abs(X(x[best]) - at)) best = k;
    return best;
  };
  const down = (event: PointerEvent) => { if (event.button === 0) { dragging.current = near(event); onCursor?.(dragging.current); (event.currentTarget as SVGElement).setPointerCapture(event.pointerId) } };
  const move = (event: PointerEvent) => {
    const k = near(event);
    if (dragging.current !== null && k !== dragging.current) onRange?.([Math.min(k, dragging.current), Math.max(k, dragging.current)]);
    if (k !== cursor) onCursor?.(k);
  };
  const up = (event: PointerEvent) => { if (dragging.current !== null && near(event) === dragging.current) onRange?.(null); dragging.current = null };
  const key = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0, now = cursor ?? 0;
    const to = by ? now + by : event.key === 'Home' ? 0 : event.key === 'End' ? n - 1 : -1;
    if (event.key === 'Escape' && range) { onRange?.(null); event.preventDefault(); return }
    if (to < 0 || to >= n) return;
    event.preventDefault();
    if (event.shiftKey) {
      const from = range ? (range[0] === now ? range[1] : range[0]) : now;
      onRange?.(from === to ? null : [Math.min(from, to), Math.max(from, to)]);
    }
    onCursor?.(to);
  };
  const span = x1 - x0;
  const dates = props.isTime && props.start !== null && span > 0 ? utcTicks(new Date(props.start), new Date(props.start + span / 1e6), Math.max(2, Math.floor(wide / 130))) : [];
  const dayLong = span > 86400e9 * 1.5;
  const dateText = (d: Date) => (dayLong ? d.toISOString().slice(5, 16).replace('T', ' ') : d.toISOString().slice(11, span < 120e9 ? 23 : 19).replace(/\.000$/, ''));
  return <div class="chartbox" ref={box}><svg class="chart" viewBox={`0 0 ${wide} ${high}`} width={wide} height={high} role="img" aria-label={props.label} {...(onCursor ? { tabindex: 0, onKeyDown: key, onPointerDown: down, onPointerMove: move, onPointerUp: up } : {})}>
    <g class="grid">{roundTicks(most, unit, 5).map(tick => <g key={tick}><line x1={LEFT} x2={wide - RIGHT} y1={Y(tick)} y2={Y(tick)} /><text x={LEFT - 6} y={Y(tick) + 4} text-anchor="end">{display(tick, unit)}</text></g>)}</g>
    <g class="axis">{dates.length ? dates.map(d => <text key={+d} x={X(x0 + (+d - props.start!) * 1e6)} y={high - 10} text-anchor="middle">{dateText(d)}</text>)
      : valueTicks(0, span, Math.max(2, Math.floor(wide / 130))).filter(t => props.isTime || Number.isInteger(t)).map(t => <text key={t} x={X(x0 + t)} y={high - 10} text-anchor="middle">{props.isTime ? `+${nanoseconds(t)}` : `snapshot ${t + 1}`}</text>)}</g>
    {stacks.map((of, j) => <path key={j} class="layer" d={path(of)} fill={layers[j].colour} />)}
    {lines.map(of => <path key={of.name} class="trace" d={pathOf(points(of.values))} stroke={of.colour} />)}
    {props.marks.map(mark => <g key={mark.at + mark.text} class={`mark ${mark.kind}`}><line x1={X(mark.at)} x2={X(mark.at)} y1={TOP} y2={high - BOTTOM} /><text x={X(mark.at) + (X(mark.at) > wide - 160 ? -3 : 3)} y={TOP + 10} text-anchor={X(mark.at) > wide - 160 ? 'end' : 'start'}>{mark.text}</text></g>)}
    {range && <rect class="range" x={X(x[range[0]])} y={TOP} width={Math.max(1, X(x[range[1]]) - X(x[range[0]]))} height={high - TOP - BOTTOM} />}
    {cursor !== null && cursor < n && <line class="cursor" x1={X(x[cursor])} x2={X(x[cursor])} y1={TOP} y2={high - BOTTOM} />}
  </svg></div>;
}

/** Changes as bars to both sides of a line, with their intervals. */
export function DeltaBars({ label, unit, bars }: { label: string; unit: string; bars: { name: string; delta: number; lower: number; upper: number }[] }) {
  const [box, wide] = useWide(), high = 30, [least = 0, most = 0] = extent(bars.flatMap(bar => [0, bar.delta, bar.lower, bar.upper])) as [number, number];
  const span = most - least || 1, X = (v: number) => 8 + ((v - least) / span) * (wide - 16);
  return <div class="chartbox" ref={box}><svg class="chart bars" viewBox={`0 0 ${wide} ${bars.length * high + 24}`} width={wide} height={bars.length * high + 24} role="img" aria-label={label}>
    <g class="grid">{roundTicks(most, unit, 4, least).map(tick => <g key={tick}><line x1={X(tick)} x2={X(tick)} y1={0} y2={bars.length * high + 4} />
      <text x={X(tick)} y={bars.length * high + 18} text-anchor={X(tick) < 30 ? 'start' : X(tick) > wide - 30 ? 'end' : 'middle'}>{display(tick, unit)}</text></g>)}</g>
    {bars.map((bar, k) => <g key={bar.name + k} class={bar.delta > 0 ? 'grew' : 'shrank'}>
      <text class="barname" x={8} y={k * high + 12}>{bar.name.length * 7 > wide - 16 ? '…' + bar.name.slice(-Math.floor((wide - 30) / 7)) : bar.name}</text>
      <rect x={Math.min(X(0), X(bar.delta))} width={Math.max(1, Math.abs(X(bar.delta) - X(0)))} y={k * high + 16} height={9} />
      <path class="whisker" d={`M${X(bar.lower)},${k * high + 20.5}H${X(bar.upper)}M${X(bar.lower)},${k * high + 17.5}v6M${X(bar.upper)},${k * high + 17.5}v6`} /></g>)}
    <line class="zero" x1={X(0)} x2={X(0)} y1={0} y2={bars.length * high + 4} />
  </svg></div>;
}

// The card of an incident: what the Markdown for a ticket says, as a page.

import { Fragment } from 'preact';
import type { Block, Span } from '../answer';
import { source } from '../store';
import { printing } from '../theme';
import { Command, Scroll } from '../ui';

export function CardPage({ pages: _ }: { pages: string[] }) {
  return <article class="incident"><Blocks blocks={source.value.report.card!} /></article>;
}

function Blocks({ blocks }: { blocks: Block[] }) {
  return <>{blocks.map((block, k) => <One key={k} block={block} />)}</>;
}

function One({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading': {
      const Title = `h${Math.min(6, block.level)}` as 'h1';
      return <Title><Line spans={block.text} /></Title>;
    }
    case 'paragraph': return <p><Line spans={block.text} /></p>;
    case 'list': return <ul>{block.items.map((item, k) => <li key={k}><Line spans={item.text} />
      {item.items && <ul>{item.items.map((one, j) => <li key={j}><Line spans={one} /></li>)}</ul>}</li>)}</ul>;
    case 'command': return <Command text={block.text} />;
    case 'details': return <details open={printing.value}><summary><Line spans={block.summary} /></summary><Blocks blocks={block.blocks} /></details>;
    case 'table': {
      const [Head, Cell] = ['th', 'td'] as const, side = (k: number) => (block.right[k] ? 'num' : undefined);
      return <Scroll><table><thead><tr>{block.titles.map((title, k) => (title.length ? <Head key={k} scope="col" class={side(k)}><Line spans={title} /></Head> : <Cell key={k} />))}</tr></thead>
        <tbody>{block.rows.map((row, j) => <tr key={j}>{row.map((cell, k) => <Cell key={k} class={side(k)}><Line spans={cell} /></Cell>)}</tr>)}</tbody></table></Scroll>;
    }
  }
}

/** Texts in a row. They were made printable where they were written. */
function Line({ spans }: { spans: Span[] }) {
  return <>{spans.map(({ style, text }, k) => (style === 'code' ? <code key={k}><bdi>{text}</bdi></code> : style === 'strong' ? <strong key={k}>{text}</strong> : <Fragment key={k}>{text}</Fragment>))}</>;
}

// The rules of a check: what was measured, the limit, and what broke it.

import type { Judgement, Offender } from '../answer';
import { change, counted, display, nameText, percent, percentChange, range, where } from '../format';
import { commandLine, source } from '../store';
import { Command, Delta, Links, Name, Scroll, marginText } from '../ui';
import { Heading, Inputs, TotalsTable, Warnings } from './overview';

const WORDS: Record<string, string> = { pass: 'PASS', fail: 'FAIL', inconclusive: 'INCONCLUSIVE' };
const EXIT: Record<string, number> = { pass: 0, fail: 1, inconclusive: 3 };

const word = (rule: Judgement) => (rule.level === 'warn' && rule.outcome === 'fail' ? 'WARN' : WORDS[rule.outcome]);

/** The measured value: a change for rules of growth, else a size. */
function value(rule: Judgement): string {
  if (rule.value === null) return '';
  const text = rule.demand === 'growth' || rule.demand === 'drift' ? change(rule.value, rule.unit) : display(rule.value, rule.unit);
  return rule.value_percent === null ? text : `${text} (${rule.demand === 'growth' ? percentChange(rule.value_percent) : percent(rule.value_percent)})`;
}

function bounds(rule: Judgement): string {
  const print = (of: number) => (rule.demand === 'growth' || rule.demand === 'drift' ? change(of, rule.unit) : display(of, rule.unit));
  if (rule.lower === null && rule.upper === null) return '';
  if (rule.lower === null) return `at most ${print(rule.upper!)}`;
  return rule.upper === null ? `at least ${print(rule.lower)}` : range(print(rule.lower), print(rule.upper));
}

const limit = (rule: Judgement) => [rule.limit === null ? '' : display(rule.limit, rule.unit), rule.limit_percent === null ? '' : percent(rule.limit_percent)].filter(Boolean).join(' and ');

export function CheckPage({ pages }: { pages: string[] }) {
  const { report } = source.value, check = report.answer.check!;
  const counts = (outcome: string) => check.rules.filter(rule => rule.outcome === outcome).length;
  const isBad = check.outcome === 'fail', exit = report.exit_code ?? EXIT[check.taken_for ?? check.outcome];
  return <div class="check">
    <h1 class={isBad ? 'bad' : check.outcome === 'pass' ? 'good' : ''}>{report.verdict ?? `${WORDS[check.outcome]} (${counts('fail')} of ${counted(check.rules.length, 'rules')} failed)`}</h1>
    <Heading />
    <p>Exit code {exit}{check.taken_for && `: the outcome is ${check.outcome}, and counts as ${check.taken_for}`}. {check.before_runs ? `${counted(check.before_runs, 'profiles')} before, ${check.after_runs} after.` : `No baseline, ${counted(check.after_runs, 'profiles')}.`}</p>
    <Scroll><table class="rules"><caption class="unseen">Rules</caption><thead><tr><th scope="col">outcome</th><th scope="col">rule</th><th scope="col" class="wide">sample type</th><th scope="col" class="num">value</th><th scope="col">95 % bounds</th><th scope="col" class="num">limit</th><th scope="col" class="num wide">before</th><th scope="col" class="num wide">after</th></tr></thead>
      <tbody>{check.rules.map((rule, k) => <tr key={k}><td><strong class={`outcome ${rule.outcome} ${rule.level}`}>{word(rule)}</strong></td><th scope="row"><a href={`#rule${k}`} onClick={event => { event.preventDefault(); document.getElementById(`rule${k}`)?.scrollIntoView({ block: 'start' }) }}>{nameText(rule.rule, 100)}</a></th>
        <td class="wide">{nameText(rule.sample_type, 60)}</td><td class="num">{value(rule)}</td><td>{bounds(rule)}</td><td class="num">{limit(rule)}</td>
        <td class="num wide">{rule.before === null ? '' : display(rule.before, rule.unit)}</td><td class="num wide">{rule.after === null ? '' : display(rule.after, rule.unit)}</td></tr>)}</tbody></table></Scroll>
    {check.rules.map((rule, k) => <section key={k} id={`rule${k}`} class={`card rule ${rule.outcome}`} aria-label={`Rule ${nameText(rule.rule, 100)}`}>
      <h2><strong class={`outcome ${rule.outcome} ${rule.level}`}>{word(rule)}</strong> {nameText(rule.rule, 100)}</h2>
      <p>{nameText(rule.message, 2000)}</p>
      <Offenders rule={rule} pages={pages} />
      {rule.advice && <p>→ {nameText(rule.advice, 2000)}</p>}</section>)}
    {check.allowances.length > 0 && <><h2>Allowed</h2><ul>{check.allowances.map((one, k) => <li key={k}><Name name={one.place} /> until {nameText(one.expires, 40)}: {nameText(one.reason, 500)}{!one.is_used && <span class="dim"> (not needed here)</span>}</li>)}</ul></>}
    <Warnings />
    {report.answer.totals.length > 0 && <><h2>Totals</h2><TotalsTable /></>}
    {(report.next ?? []).map((one, k) => <Command key={k} lead={one.lead} text={one.command} />)}
    <Command lead="Run the check again" text={commandLine()} />
    <Inputs />
  </div>;
}

function Offenders({ rule, pages }: { rule: Judgement; pages: string[] }) {
  const list = (all: Offender[], title: string) => all.length > 0 && <>{title && <p class="dim">{title}</p>}<ul class="offenders">{all.map((one, k) => {
    const unit = one.unit ?? rule.unit;
    return <li key={k}><span class="num"><Delta delta={one.delta} unit={unit} /></span> <span class="dim">{marginText(one, one.delta, unit)}</span> <Name name={one.function} own /> <span class="dim">{where(one)}</span> <Links name={one.function} pages={pages} />
      {one.explanation && <p>{nameText(one.explanation, 2000)}</p>}</li>;
  })}</ul></>;
  return <>{list(rule.offenders, '')}{list(rule.let_pass ?? [], 'Let pass')}</>;
}

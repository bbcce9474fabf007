// What a page must show of an answer: the numbers of `--format json`, in the words of the table.
import assert from 'node:assert/strict';
import { load } from './source.mjs';

const { format } = await load('format');
const { change, changeMargin, display, estimate, exact, exactChange, fixed, grouped, nameText, percent, percentChange, rated } = format;

const squeeze = text => text.replaceAll(/\s+/g, ' ').trim();
const cellsOf = (page, rows) => page.locator(rows).evaluateAll(all => all.map(row => [...row.children].map(cell => cell.textContent.replaceAll(/\s+/g, ' ').trim())));
const titles = (page, table) => page.locator(`${table} thead th`).evaluateAll(all => all.map(cell => cell.textContent.trim().replace(/ [↑↓]$/, '')));

/** Rows of the page as objects by the titles of their columns. */
async function table(page, box) {
  const heads = await titles(page, box), rows = await cellsOf(page, `${box} tbody tr.row`);
  return rows.map(cells => Object.fromEntries(heads.map((head, k) => [head, cells[k]])));
}

/** The totals of all sample types. */
export async function totals(page, answer) {
  const rows = await cellsOf(page, 'table.totals tbody tr');
  assert.equal(rows.length, answer.totals.length);
  for (const total of answer.totals) {
    const row = rows.find(one => one[0] === total.sample_type), isTwo = typeof total.delta === 'number', of = rated(total, total.unit);
    assert.ok(row, `${total.sample_type} is not in the totals`);
    assert.deepEqual(row.slice(1, isTwo ? 4 : 2), (isTwo ? [exact(of.before, of.unit), exact(of.after, of.unit), exactChange(of.delta, of.unit)] : [exact(total.after, total.unit)]).map(squeeze));
  }
}

/** The rows in sight of a diff: every number of each, in the order of the answer. */
export async function diffRows(page, answer) {
  const all = answer.diff.rows.map(row => ({ row, of: rated({ before: row.before.flat, after: row.after.flat, delta: row.delta.flat, error: row.error, per_second: row.per_second }, answer.unit) }));
  const real = all.filter(({ row }) => row.status !== 'same' && row.status !== 'within-noise'), wanted = [...real.filter(({ of }) => of.delta > 0), ...real.filter(({ of }) => of.delta <= 0)];
  const rows = await table(page, '.tablebox');
  assert.equal(rows.length, wanted.length > 120 ? rows.length : wanted.length);
  for (const [k, shown] of rows.entries()) {
    const { row, of } = wanted[k], { before, after, delta, error, unit } = of;
    const share = row.status === 'new' || row.status === 'gone' ? row.status : row.per_second ? (before ? percentChange((delta / Math.abs(before)) * 100) : '') : row.delta_percent === null ? '' : percentChange(row.delta_percent);
    const expected = { 'Δ flat': change(delta, unit), '± 95 %': error ? changeMargin(error, delta, unit) : '', 'Δ %': share, before: display(before, unit), after: display(after, unit) };
    for (const [title, text] of Object.entries(expected)) assert.equal(shown[title], squeeze(text), `${title} of ${row.name}`);
    assert.ok(shown.function.startsWith(squeeze(nameText(row.name))), `${shown.function} is not ${row.name}`);
    if (shown['Δ objects']) assert.equal(shown['Δ objects'], squeeze(format.countChange(row.objects.delta)), row.name);
    if (shown.kept) assert.equal(shown.kept, format.wholePercent(row.kept * 100), row.name);
  }
  return rows.length;
}

export async function topRows(page, answer) {
  const rows = await table(page, '.tablebox'), wanted = answer.top.rows;
  assert.equal(rows.length, wanted.length > 120 ? rows.length : wanted.length);
  for (const [k, shown] of rows.entries()) {
    const row = wanted[k];
    for (const [title, text] of [['flat', display(row.flat, answer.unit)], ['flat %', row.flat_percent === null ? '' : percent(row.flat_percent)], ['cum', display(row.cum, answer.unit)]]) assert.equal(shown[title], squeeze(text), `${title} of ${row.name}`);
    assert.ok(shown.function.startsWith(squeeze(nameText(row.name))), `${shown.function} is not ${row.name}`);
  }
  return rows.length;
}

/** The cards of suspects. */
export async function suspects(page, answer) {
  const judged = answer.suspects.filter(one => one.class !== 'churn'), cards = await page.locator('.card.suspect').evaluateAll(all => all.map(card => ({
    head: card.querySelector('h3').textContent, facts: Object.fromEntries([...card.querySelectorAll('dl > div')].map(fact => [fact.querySelector('dt').textContent, fact.querySelector('dd').textContent.replaceAll(/\s+/g, ' ').trim()])) })));
  assert.equal(cards.length, judged.length);
  for (const [k, one] of judged.entries()) {
    const { head, facts } = cards[k], print = value => display(value, one.unit), { growth } = one;
    assert.ok(head.startsWith(`${one.rank}. `) && head.includes(nameText(one.site.function)), `${head} is not ${one.site.function}`);
    assert.ok(facts.growth.startsWith(squeeze(growth.lower === growth.upper ? change(growth.estimate, one.unit) : estimate(growth, value => change(value, one.unit), ''))), `growth of ${one.site.function}: ${facts.growth}`);
    if (one.values.length) assert.equal(facts.values, squeeze(`${print(one.values[0])} → ${print(one.values.at(-1))}`));
    if (one.slope_per_hour) assert.equal(facts.slope, squeeze(estimate(one.slope_per_hour, print, '/h')));
    if (one.retention) assert.ok(facts.kept.startsWith(`${fixed(one.retention.estimate * 100, 0)} % (${fixed(one.retention.lower * 100, 0)} … ${fixed(one.retention.upper * 100, 0)})`), facts.kept);
    if (one.path.length) assert.equal(facts.path, squeeze(one.path.map(name => nameText(name, 120)).join(' → ')));
  }
  return cards.length;
}

/** The table of rows over time, and each snapshot. */
export async function timeline(page, answer) {
  const { rows: wanted, total, inputs } = answer.timeline, { unit } = answer, last = inputs.length - 1, kind = answer.sort === 'cum' ? 'cum' : 'flat';
  const rows = await table(page, '.timeline > .tablebox');
  assert.equal(rows.length, wanted.length > 120 ? rows.length : wanted.length);
  for (const [k, shown] of rows.entries()) {
    const row = wanted[k];
    const expected = { first: display(row[kind][0], unit), last: display(row[kind][last], unit), [`Δ ${kind}`]: change(row[kind][last] - row[kind][0], unit), slope: row.slope_per_hour ? estimate(row.slope_per_hour, value => change(value, unit), '/h') : '', class: row.class };
    for (const [title, text] of Object.entries(expected)) assert.equal(shown[title], squeeze(text), `${title} of ${row.name}`);
    assert.ok(shown.function.startsWith(squeeze(nameText(row.name))), row.name);
  }
  await page.locator('.timeline details summary').click();
  const moments = await table(page, '.timeline details .tablebox');
  assert.equal(moments.length, inputs.length > 120 ? moments.length : inputs.length);
  for (const [k, shown] of moments.entries()) assert.equal(shown.total, squeeze(display(total.values[k], unit)), `snapshot ${k + 1}`);
  return rows.length;
}

export async function check(page, answer) {
  const rows = await cellsOf(page, 'table.rules tbody tr'), words = { pass: 'PASS', fail: 'FAIL', inconclusive: 'INCONCLUSIVE' };
  assert.equal(rows.length, answer.check.rules.length);
  for (const [k, rule] of answer.check.rules.entries()) {
    const isChange = rule.demand === 'growth' || rule.demand === 'drift', [outcome, name, type, value, , , before, after] = rows[k];
    assert.deepEqual([outcome, name, type], [rule.level === 'warn' && rule.outcome === 'fail' ? 'WARN' : words[rule.outcome], squeeze(nameText(rule.rule, 100)), nameText(rule.sample_type, 60)]);
    if (rule.value !== null) assert.ok(value.startsWith(squeeze(isChange ? change(rule.value, rule.unit) : display(rule.value, rule.unit))), value);
    assert.deepEqual([before, after], [rule.before, rule.after].map(one => (one === null ? '' : squeeze(display(one, rule.unit)))));
    const offenders = await page.locator(`#rule${k} .offenders > li`).allInnerTexts();
    assert.equal(offenders.length, rule.offenders.length + (rule.let_pass ?? []).length);
    for (const [j, one] of rule.offenders.entries()) assert.ok(squeeze(offenders[j]).includes(squeeze(change(one.delta, one.unit ?? rule.unit))), offenders[j]);
  }
  return rows.length;
}

export async function goroutines(page, answer) {
  const wanted = answer.goroutines.rows, rows = await table(page, '.goroutines .tablebox');
  assert.equal(rows.length, wanted.length > 120 ? rows.length : wanted.length);
  for (const [k, shown] of rows.entries()) {
    const row = wanted[k], isTwo = row.delta !== null && row.delta !== undefined;
    if (isTwo) assert.deepEqual([shown['Δ'], shown.before, shown.after], [change(row.delta, 'count'), grouped(row.before ?? 0), grouped(row.after)].map(squeeze), row.function);
    else assert.equal(shown.count, squeeze(grouped(row.after)), row.function);
    assert.ok(shown['goroutines at'].startsWith(squeeze(nameText(row.function))), row.function);
  }
  return rows.length;
}

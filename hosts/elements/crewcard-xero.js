// Elements for a host's pages: <xero-export-button>, <xero-bulk-action>, <xero-marker>, <xero-last-exported>,
// <xero-export-log>, <xero-contact-field>, <xero-connection>. No framework, nothing is fetched from elsewhere.
// They ask one address of the host's own (`CrewCard\Xero\Endpoints` answers it), which stands in
// <meta name="crewcard-xero" content="/xero" data-token="the session's token">. Colours: `--xero-…`, see README.md.

const meta = () => document.querySelector('meta[name="crewcard-xero"]');
const SLOWEST_MS = 5000;
const READERS = { admin: 'an admin', bookkeeper: 'the bookkeeper', support: 'support', nobody: 'your information' };

/** Asks the host; what it says, or an Error with a sentence for people. */
async function ask(what, given = {}, body = null) {
  const address = new URL(meta()?.content || '/xero', location.href);
  address.searchParams.set('what', what);
  for (const [name, value] of Object.entries(given)) {
    for (const one of [value].flat()) address.searchParams.append(Array.isArray(value) ? `${name}[]` : name, one);
  }
  const options = { headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (body) {
    options.method = 'POST';
    options.headers['Content-Type'] = 'application/json';
    options.headers['X-CSRF-Token'] = meta()?.dataset.token || '';
    options.body = JSON.stringify(body);
  }
  let answer, said;
  try {
    answer = await fetch(address, options);
    said = await answer.json();
  } catch {
    const lost = new Error(body ? 'CrewCard did not answer: it may have taken this or not. Try again: clicking twice does no harm.'
      : 'CrewCard does not answer at the moment. Load this page again later.');
    lost.title = 'No answer';
    throw lost;
  }
  if (!answer.ok) throw new Error(said.message || `CrewCard answered ${answer.status}.`);
  return said;
}

/** An id for a button: one per button that is drawn, so that a double click counts once. */
const buttonId = (prefix) =>
  `${prefix}-${[...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, '0')).join('')}`;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again, quickly at first, until it is over or the element has left the page. */
async function until(element, question, isOver, each = () => {}) {
  for (let ms = 40; element.isConnected; ms = Math.min(ms * 1.2, SLOWEST_MS)) {
    try {
      const said = await question();
      each(said);
      if (isOver(said)) return said;
    } catch {
      ms = SLOWEST_MS;  // the host is away; what was asked for goes on without us
    }
    await pause(document.hidden ? SLOWEST_MS : ms);
  }
  return null;
}

const STYLE = `
  :host { font: inherit; color: var(--xero-text, inherit) }
  :host([hidden]) { display: none }
  button { font: inherit; padding: .45em .9em; cursor: pointer; color: var(--xero-on-accent, #fff);
    background: var(--xero-accent, #0b66a8); border: 1px solid transparent; border-radius: var(--xero-radius, 4px) }
  button[aria-disabled=true] { opacity: .65; cursor: default }
  button:focus-visible, input:focus-visible, a:focus-visible { outline: 3px solid var(--xero-focus, #ffb000); outline-offset: 2px }
  a { color: var(--xero-link, #0b5a94) }
  .exported { color: var(--xero-good, #12693b) } .failed { color: var(--xero-bad, #a8200d) }
  .note { display: block; font-size: .9em; color: var(--xero-muted, #51606e) }
  :host(xero-contact-field), :host(xero-export-log), :host(xero-connection) { display: block } input + .note { margin-bottom: .5em } a + button { margin-left: .8em }
  input { font: inherit; padding: .4em; width: 100%; box-sizing: border-box; border: 1px solid var(--xero-border, #76848f);
    border-radius: var(--xero-radius, 4px) }
  input:disabled { background: var(--xero-disabled, #e6eaee); color: var(--xero-muted, #51606e) }
  progress { width: 100%; accent-color: var(--xero-accent, #0b66a8) }
  table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3em .6em; border-bottom: 1px solid var(--xero-border, #c8d1d9) }
  .popup { position: fixed; z-index: 1000; right: 1rem; bottom: 1rem; max-width: min(28rem, calc(100vw - 4rem)); padding: 1rem;
    color: var(--xero-popup-text, #1c2733); background: var(--xero-popup, #fff); border: 1px solid var(--xero-border, #76848f);
    border-left: 5px solid var(--xero-good, #12693b); border-radius: var(--xero-radius, 4px); box-shadow: 0 6px 24px rgb(0 0 0 / .25) }
  .popup.bad { border-left-color: var(--xero-bad, #a8200d) } .popup h2 { font-size: 1.1em; margin: 0 0 .4em } .popup p { margin: 0 0 .6em }
`;

class XeroElement extends HTMLElement {
  constructor() {
    super();
    this.root = this.attachShadow({ mode: 'open' });
  }

  /** Replaces what is shown; words come as text, never as markup. */
  show(...nodes) {
    const style = document.createElement('style');
    style.textContent = STYLE;
    this.root.replaceChildren(style, ...nodes.filter(Boolean));
  }

  node(tag, text = '', attributes = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  link(address, text) {
    const safe = /^https?:\/\//i.test(address || '');
    return safe ? this.node('a', text, { href: address, target: '_blank', rel: 'noopener noreferrer' }) : this.node('span', text);
  }

  /** The pop-up: read out at once, closed by its button or Escape; then the focus is where it was. */
  popup(said) {
    document.querySelectorAll('xero-popup').forEach((old) => old.remove());
    const popup = document.createElement('xero-popup');
    document.body.append(popup);
    popup.open(said, this);
  }

  /** Tells markers, Last Exported and logs on this page that these invoices have news. */
  news(ids) {
    document.dispatchEvent(new CustomEvent('xero-news', { detail: ids }));
  }
}

class Popup extends XeroElement {
  open({ title, message, how, who, link, bad }, from) {
    const box = this.node('div', '', { class: bad ? 'popup bad' : 'popup', role: bad ? 'alertdialog' : 'status', 'aria-labelledby': 'title', 'aria-describedby': 'message' });
    const close = this.node('button', 'Close', { type: 'button' });
    const leave = () => { this.remove(); if (bad) from.focus?.(); };
    close.addEventListener('click', leave);
    this.addEventListener('keydown', (pressed) => pressed.key === 'Escape' && leave());
    box.append(this.node('h2', title, { id: 'title' }), this.node('p', message, { id: 'message' }));
    if (how) box.append(this.node('p', who && who !== 'clerk' ? `For ${READERS[who] || who}: ${how}` : how));
    if (link) { const line = this.node('p'); line.append(this.link(link, 'Open')); box.append(line); }
    box.append(close);
    this.show(box);
    if (bad) close.focus();
  }
}

class Click extends XeroElement {
  connectedCallback() {
    if (this.button) return;
    this.id_ = this.getAttribute('button') || buttonId(this.prefix);
    this.button = this.node('button', '', { type: 'button' });
    this.button.append(document.createElement('slot'));
    this.button.addEventListener('click', () => this.click_());
    this.state = this.node('span', '', { role: 'status', class: 'note' });
    this.show(this.button, this.state);
  }

  focus() { this.button.focus(); }

  async click_() {
    if (this.button.getAttribute('aria-disabled') === 'true') return;
    const ids = this.ids();
    if (!ids.length) { this.state.textContent = 'Choose at least one invoice.'; return; }
    this.button.setAttribute('aria-disabled', 'true');
    this.state.textContent = 'Being exported …';
    try {
      const sent = await ask('export', {}, { button: this.id_, ids, bulk: this.isBulk });
      this.news(ids);
      const over = await until(this, () => ask('request', { request: sent.request }), (said) => said.over, (said) => this.step(said));
      if (over) await this.end(ids, over);
      this.id_ = buttonId(this.prefix);  // the next click is another one; a failed try keeps its id
    } catch (wrong) {
      this.popup({ title: wrong.title || 'Not sent', message: wrong.message, bad: true });
    }
    this.state.textContent = '';
    this.button.setAttribute('aria-disabled', 'false');
  }

  step(said) {
    if (said.state === 'waiting' && said.message) this.state.textContent = said.message;
  }

  async end(ids, over) {
    this.news(ids);
    const about = () => ask('invoices', { id: ids }).then((said) => said.invoices[0], () => null);  // the request's own words will do
    const alone = ids.length === 1 && over.failed ? await about() : null;
    this.popup(alone?.failure ? { ...alone.failure, bad: true } : { title: over.title || 'Xero export', message: over.message || 'Done.', bad: over.failed > 0 });
    this.dispatchEvent(new CustomEvent('xero-exported', { bubbles: true, composed: true, detail: over }));
  }
}

class ExportButton extends Click {
  prefix = 'click';
  isBulk = false;
  ids() { return [this.getAttribute('invoice')].filter(Boolean); }
}

/** `for` chooses the checkboxes; their values are the ids of invoices. */
class BulkAction extends Click {
  prefix = 'bulk';
  isBulk = true;
  ids() { return [...document.querySelectorAll(this.getAttribute('for') || 'input[name=invoice]')].filter((one) => one.checked).map((one) => one.value); }

  step(said) {
    if (!this.bar) { this.bar = this.node('progress', '', { 'aria-label': 'Invoices exported to Xero' }); this.root.append(this.bar); }
    this.bar.max = said.total || 1;
    this.bar.value = (said.exported || 0) + (said.failed || 0);
    this.state.textContent = said.state === 'waiting' && said.message ? said.message : `${this.bar.value} of ${said.total || '…'} done`;
  }

  async end(ids, over) {
    this.bar?.remove();
    this.bar = null;
    await super.end(ids, over);
  }
}

/** Elements beside one invoice: those of a page ask together, and again while an answer is to come. */
class BesideInvoice extends XeroElement {
  connectedCallback() {
    this.heard = ({ detail }) => detail.includes(this.getAttribute('invoice')) && this.refresh();
    document.addEventListener('xero-news', this.heard);
    this.refresh();
  }

  disconnectedCallback() { document.removeEventListener('xero-news', this.heard); }

  refresh() {
    this.turn = (this.turn || 0) + 1;
    const mine = this.turn;
    until(this, () => beside(this.getAttribute('invoice')), (said) => !said?.open || mine !== this.turn, (said) => mine === this.turn && said && this.draw(said));
  }
}

let waiting = null;
/** What stands beside an invoice; all that is asked for in one moment is one question. */
function beside(invoice) {
  waiting ??= { ids: new Set(), answer: pause(10).then(() => { const { ids } = waiting; waiting = null; return inPieces([...ids]); }) };
  waiting.ids.add(invoice);
  return waiting.answer.then((found) => found.get(invoice));
}

/** At most 100 in one address: PHP reads 1,000 of them at most, and web servers refuse long ones. */
async function inPieces(ids) {
  const pieces = Array.from({ length: Math.ceil(ids.length / 100) }, (_, at) => ids.slice(at * 100, (at + 1) * 100));
  const found = new Map();
  for (const piece of pieces) for (const one of (await ask('invoices', { id: piece })).invoices) found.set(String(one.invoice), one);
  return found;
}

class Marker extends BesideInvoice {
  draw(said) {
    const sign = { exported: '✔ ', failed: '✘ ', not_exported: '', excluded: '' }[said.marker] ?? '… ';
    this.show(this.node('span', sign + said.words, { class: said.marker }), said.failure && this.node('span', said.failure.message, { class: 'note' }));
  }
}

class LastExported extends BesideInvoice {
  draw(said) {
    const at = said.last_exported && new Date(said.last_exported);
    if (!at) { this.show(this.node('span', '–', { 'aria-label': 'never exported' })); return; }
    const time = this.node('time', at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }), { datetime: said.last_exported });
    const open = said.deep_link && this.link(said.deep_link, 'Open in Xero');
    this.show(time, document.createTextNode(' '), open);
  }
}

class Payment extends BesideInvoice {
  draw({ payment }) {
    const tone = { paid: 'exported', voided: 'failed' }[payment?.state] || '';
    const seen = payment && `as seen ${new Date(payment.seen_at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}`;
    this.show(payment?.words ? this.node('span', payment.words, { class: tone, title: seen }) : null);
  }
}

class ExportLog extends BesideInvoice {
  async draw() {
    const { entries } = await ask('log', { id: this.getAttribute('invoice') });
    const table = this.node('table');
    table.setAttribute('aria-label', 'Export log');
    const head = table.createTHead().insertRow();
    for (const name of ['When', 'What', 'By']) head.append(this.node('th', name, { scope: 'col' }));
    const body = table.createTBody();
    for (const one of entries) {
      const row = body.insertRow();
      for (const text of [new Date(one.at).toLocaleString(), one.message || OUTCOMES[one.outcome] || one.outcome, one.by || '']) row.insertCell().textContent = text;
    }
    this.show(entries.length ? table : this.node('span', 'Not exported yet.', { class: 'note' }));
  }
}

const OUTCOMES = { created: 'Exported', updated: 'Exported again, with changes', adopted: 'Found in Xero, linked to this invoice', unchanged: 'Nothing to change' };
const CONTACT = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;

/** The field “Xero Client ID”: greyed out with the reason while it may not be changed; what is pasted is checked at once. */
class ContactField extends XeroElement {
  connectedCallback() { this.refresh(); }

  async refresh() {
    try {
      this.draw(await ask('contact', { client: this.getAttribute('client') }));
    } catch (wrong) {
      this.show(this.node('span', wrong.message, { class: 'note', role: 'status' }));
    }
  }

  draw(said, note = '') {
    const label = this.node('label', 'Xero Client ID', { for: 'field' });
    const field = this.node('input', '', { id: 'field', 'aria-describedby': 'note', autocomplete: 'off', spellcheck: 'false' });
    const hint = this.node('span', note || said.why_not || said.name || '', { id: 'note', class: 'note', role: 'status' });
    const save = this.node('button', 'Save', { type: 'button' });
    field.value = said.being_checked || said.value || '';
    field.disabled = !said.editable;
    save.hidden = !said.editable;
    const isOne = () => !field.value.trim() || CONTACT.test(field.value);
    field.addEventListener('input', () => {
      const found = CONTACT.exec(field.value);
      hint.textContent = !field.value.trim() ? 'Without an ID, invoices of this client cannot be exported.'
        : found ? `Contact ${found[0]}` : 'Open the contact in Xero and paste the address of that page.';
      field.setAttribute('aria-invalid', String(!isOne()));
    });
    save.addEventListener('click', async () => {
      if (!isOne()) { field.focus(); return; }
      const body = { button: buttonId('contact'), client: this.getAttribute('client'), name: this.getAttribute('name') || '', pasted: field.value.trim() };
      save.setAttribute('aria-disabled', 'true');
      hint.textContent = 'Being checked in Xero …';
      try {
        const { request } = await ask('contact', {}, body);
        const over = await until(this, () => ask('request', { request }), (one) => one.over);
        if (!over) return;
        this.draw(await ask('contact', { client: this.getAttribute('client') }), over.failed || over.state === 'refused' ? over.message : '');
        if (over.failed || over.state === 'refused') this.popup({ title: over.title, message: over.message, bad: true });
      } catch (wrong) {
        save.setAttribute('aria-disabled', 'false');
        hint.textContent = wrong.message;
      }
    });
    const warnings = (said.warnings || []).map((one) => this.node('p', one, { class: 'failed', role: 'status' }));
    this.show(label, field, hint, ...warnings, said.link && this.link(said.link, 'Open in Xero'), save);
  }
}

/** How the connection to Xero is, and the way to log in; who may choose among several organisations is asked on the page behind it. */
class Connection extends XeroElement {
  connectedCallback() { this.refresh(); }

  async refresh() {
    try {
      this.draw(await ask('connection'));
    } catch (wrong) {
      this.show(this.node('span', wrong.message, { class: 'note', role: 'status' }));
    }
  }

  draw(said) {
    const state = this.node('p', said.organisation ? `Connected to ${said.organisation}` : 'Not connected to Xero', { class: said.well ? 'exported' : 'failed' });
    const login = this.node('button', said.organisation ? 'Log in to Xero again' : 'Log in to Xero', { type: 'button' });
    login.addEventListener('click', async () => {
      try {
        const { url } = await ask('login', {}, { return_to: location.origin + location.pathname });
        if (/^https?:\/\//i.test(url)) location.assign(url);
      } catch (wrong) {
        this.popup({ title: 'No login', message: wrong.message, bad: true });
      }
    });
    this.show(state, said.wrong && this.node('p', [said.wrong, said.how].filter(Boolean).join(' ')), login);
  }
}

for (const [name, element] of Object.entries({
  'xero-popup': Popup,
  'xero-export-button': ExportButton,
  'xero-bulk-action': BulkAction,
  'xero-marker': Marker,
  'xero-last-exported': LastExported,
  'xero-payment': Payment,
  'xero-export-log': ExportLog,
  'xero-contact-field': ContactField,
  'xero-connection': Connection,
})) if (!customElements.get(name)) customElements.define(name, element);

// Forms: fields with labels, one submission at a time, failures beside the button.

import {newKey} from '../api.js';
import {el, newId} from '../dom.js';
import {problemText} from '../language.js';

// A labelled field; attributes are the input's. Kind textarea makes that.
export function field(name, label, {hint, kind = 'input', value = '', ...attributes} = {}) {
  const id = newId(name);
  const hintId = hint ? `${id}-hint` : null;
  const input = el(kind, {id, name, 'aria-describedby': hintId, ...attributes});
  input.value = value;
  return el('p', {class: 'field'}, el('label', {for: id}, label), input,
    hint ? el('small', {id: hintId}, hint) : null);
}

// A form that hands its values to send(values, key), and goes on with after(), such as to another page, when they have
// been sent. The key stays the same as long as the values do, so that a form that is sent again after a lost
// answer creates nothing twice. draft (see draft.js) keeps what is typed until it has been sent.
export function form({fields, submit, send, after = () => {}, extra = [], draft = null}) {
  const button = el('button', {type: 'submit', class: 'button primary'}, submit);
  const trouble = el('p', {class: 'trouble', role: 'alert'});
  let busy = false;
  let sent = null;
  let key = newKey();

  const texts = () => Object.fromEntries([...new FormData(view)].filter(([, value]) => typeof value === 'string'));

  async function onsubmit(event) {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute('aria-disabled', 'true');
    trouble.textContent = '';
    const values = Object.fromEntries(new FormData(event.currentTarget));
    const text = JSON.stringify(values);
    if (text !== sent) key = newKey();
    sent = text;
    try {
      await send(values, key, event.target);
      sent = null;
      draft?.drop();
      await after();
    } catch (problem) {
      trouble.textContent = problemText(problem);
    } finally {
      busy = false;
      button.removeAttribute('aria-disabled');
      if (document.activeElement === document.body) button.focus(); // where it was
    }
  }

  const view = el('form', {class: 'form', onsubmit, oninput: () => draft?.keep(texts())}, fields, trouble,
    el('p', {class: 'actions'}, button, extra));
  for (const [name, value] of Object.entries(draft?.values ?? {})) view.elements[name].value = value;
  return view;
}

// Forms: labelled fields, one submission at a time, and errors above the submit button.

import {newIdempotencyKey} from '../api.js';
import {el, newId} from '../dom.js';
import {problemText} from '../language.js';

// A labelled input, or textarea if that is the kind. Other options become its attributes.
export function field(name, label, {hint, kind = 'input', value = '', ...attributes} = {}) {
  const id = newId(name);
  const hintId = hint ? `${id}-hint` : null;
  const input = el(kind, {id, name, 'aria-describedby': hintId, ...attributes});
  input.value = value;
  return el('p', {class: 'field'}, el('label', {for: id}, label), input,
    hint ? el('small', {id: hintId}, hint) : null);
}

// A form that calls send(values, key, form) on submit and then after(). `key` is an
// idempotency key: it stays the same while the values do, so that submitting again after
// a lost response creates nothing twice. `draft` (see draft.js) stores the input until it
// is sent.
export function form({fields, submit, send, after = () => {}, extra = [], draft = null}) {
  const button = el('button', {type: 'submit', class: 'button primary'}, submit);
  const error = el('p', {class: 'error', role: 'alert'});
  let isSending = false;
  let lastSent = null;
  let key = newIdempotencyKey();

  const textValues = () => Object.fromEntries([...new FormData(view)].filter(([, value]) => typeof value === 'string'));

  async function onsubmit(event) {
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    button.setAttribute('aria-disabled', 'true');
    error.textContent = '';
    const values = Object.fromEntries(new FormData(event.currentTarget));
    const serialized = JSON.stringify(values);
    if (serialized !== lastSent) key = newIdempotencyKey();
    lastSent = serialized;
    try {
      await send(values, key, event.target);
      lastSent = null;
      draft?.remove();
      await after();
    } catch (problem) {
      error.textContent = problemText(problem);
    } finally {
      isSending = false;
      button.removeAttribute('aria-disabled');
      // Hiding the form during an upload removes the focus from the button.
      if (document.activeElement === document.body) button.focus();
    }
  }

  const view = el('form', {class: 'form', onsubmit, oninput: () => draft?.save(textValues())}, fields, error,
    el('p', {class: 'actions'}, button, extra));
  for (const [name, value] of Object.entries(draft?.values ?? {})) view.elements[name].value = value;
  return view;
}

// A modal confirmation dialog.

import {el, newId} from '../dom.js';
import {t} from '../language.js';

// Resolves to whether the visitor confirmed. `action` is the label of the confirming
// button; Cancel has the focus at first.
export function confirmDialog(question, action) {
  const id = newId('question');
  const dialog = el('dialog', {'aria-labelledby': id},
    el('form', {method: 'dialog'},
      el('p', {id}, question),
      el('p', {class: 'actions'},
        el('button', {class: 'button danger', value: 'yes'}, action),
        el('button', {class: 'button', value: 'no', autofocus: true}, t('cancel')))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}

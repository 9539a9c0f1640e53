// A question with two answers, in a dialog of the browser's.

import {el, newId} from '../dom.js';
import {t} from '../language.js';

// Resolves to whether the visitor agrees.
export function ask(question, agree) {
  const id = newId('question');
  const dialog = el('dialog', {'aria-labelledby': id},
    el('form', {method: 'dialog'},
      el('p', {id}, question),
      el('p', {class: 'actions'},
        el('button', {class: 'button danger', value: 'yes'}, agree),
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

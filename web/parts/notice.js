// Short messages at the bottom of the page, in a live region that screen readers
// announce.

import {el} from '../dom.js';
import {problemText} from '../language.js';

const SHOWN_MS = 6000;

function add(className, text) {
  const message = el('p', {class: className}, text);
  document.getElementById('notices').append(message);
  setTimeout(() => message.remove(), SHOWN_MS);
}

// Shows a message and has it announced.
export function notice(text) {
  add('notice', text);
}

// Has a text announced that the page shows elsewhere.
export function announce(text) {
  add('visually-hidden', text);
}

// Runs a button's action. The button ignores clicks until it is done; a failure is shown
// as a notice.
export async function runAction(button, action) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await action();
  } catch (problem) {
    notice(problemText(problem));
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

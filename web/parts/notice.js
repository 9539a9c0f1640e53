// Short messages at the foot of the page, read out by screen readers.

import {el} from '../dom.js';
import {problemText} from '../language.js';

const SHOWN_MS = 6000;

function put(kind, text) {
  const note = el('p', {class: kind}, text);
  document.getElementById('notices').append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}

export function notice(text) {
  put('notice', text);
}

// Has that read out alone, because it is to be seen elsewhere.
export function say(text) {
  put('unseen', text);
}

// Does what a button is there for; the button rests meanwhile, and a failure is said.
export async function act(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } catch (problem) {
    notice(problemText(problem));
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

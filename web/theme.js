// Light or dark: the system's choice, until the visitor makes one.

import {always} from './store.js';

const KEY = 'theme';
const system = matchMedia('(prefers-color-scheme: dark)');
let chosen = always.get(KEY);

export function currentTheme() {
  return chosen ?? (system.matches ? 'dark' : 'light');
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme() {
  chosen = currentTheme() === 'dark' ? 'light' : 'dark';
  always.set(KEY, chosen);
  apply();
}

system.addEventListener('change', apply);
apply();

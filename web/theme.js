// The colour theme, light or dark. It follows the system until the visitor chooses one.

import {browserStore} from './store.js';

const KEY = 'theme';
const system = matchMedia('(prefers-color-scheme: dark)');
let chosen = browserStore.get(KEY);

function currentTheme() {
  return chosen ?? (system.matches ? 'dark' : 'light');
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme() {
  chosen = currentTheme() === 'dark' ? 'light' : 'dark';
  browserStore.set(KEY, chosen);
  apply();
}

system.addEventListener('change', apply);
apply();

// Light or dark: the system's choice, until the visitor makes one.

const KEY = 'theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export function currentTheme() {
  return localStorage.getItem(KEY) ?? (system.matches ? 'dark' : 'light');
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme() {
  localStorage.setItem(KEY, currentTheme() === 'dark' ? 'light' : 'dark');
  apply();
}

system.addEventListener('change', apply);
apply();

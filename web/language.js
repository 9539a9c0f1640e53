// The language, English or Chinese. It follows the browser's preference until the visitor
// chooses one.

import {browserStore} from './store.js';
import en from './text/en.js';
import zh from './text/zh.js';

const KEY = 'language';
const TEXTS = {en, zh};

function preferred() {
  const wanted = navigator.languages.map((language) => language.slice(0, 2).toLowerCase());
  return wanted.find((language) => language in TEXTS) ?? 'en';
}

const stored = browserStore.get(KEY);
export const language = stored in TEXTS ? stored : preferred();
document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';

// The text of that name, with each {x} replaced by values.x.
export function t(name, values = {}) {
  return TEXTS[language][name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

// The message for a failure: its kind in the visitor's language, then the server's
// detail, translated when there is a translation.
export function problemText(problem) {
  if (problem.status === undefined) return problem.message;
  if (problem.status === 0) return t('problem_none');
  const kind = TEXTS[language][`problem_${problem.code}`] ?? problem.error ?? problem.message;
  const detail = TEXTS[language].details?.[problem.detail] ?? problem.detail;
  return detail ? t('problem', {kind, detail}) : kind;
}

export function switchLanguage() {
  browserStore.set(KEY, language === 'en' ? 'zh' : 'en');
  location.reload();
}

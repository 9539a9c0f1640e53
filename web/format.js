// Numbers and times in the visitor's language.

import {language, t} from './language.js';

const locale = language === 'zh' ? 'zh-CN' : 'en';
const UNITS = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60]];
const relative = new Intl.RelativeTimeFormat(locale, {numeric: 'auto'});

// "3 days ago".
export function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return t('just_now');
}

// "May 3, 2024", without the time.
export function date(time) {
  return new Intl.DateTimeFormat(locale, {dateStyle: 'long'}).format(new Date(time));
}

export function dateTime(time) {
  return new Intl.DateTimeFormat(locale, {dateStyle: 'medium', timeStyle: 'short'}).format(new Date(time));
}

function count(number) {
  return new Intl.NumberFormat(locale, {notation: number >= 10000 ? 'compact' : 'standard'}).format(number);
}

export function views(number) {
  return t(number === 1 ? 'view' : 'views', {count: count(number)});
}

export function bytes(number) {
  let value = number;
  let unit = 0;
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${new Intl.NumberFormat(locale, {maximumFractionDigits: value < 10 && unit ? 1 : 0}).format(value)} ${units[unit]}`;
}

// Seconds as h:mm:ss or m:ss: 75 is "1:15".
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

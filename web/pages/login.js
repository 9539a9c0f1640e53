// The login page.

import {el} from '../dom.js';
import {t} from '../language.js';
import {field, form} from '../parts/form.js';
import {go} from '../router.js';
import {logIn} from '../session.js';

// The path to continue at after login. Only paths of this site are accepted, to prevent
// open redirects.
export function nextPath(query) {
  const next = query.get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

export function page({query}) {
  const next = nextPath(query);
  return {
    title: t('log_in'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('log_in')),
      form({
        fields: [
          field('name', t('user_name'), {required: true, maxlength: 100, autocomplete: 'username', autocapitalize: 'none'}),
          field('password', t('password'), {type: 'password', required: true, autocomplete: 'current-password'}),
        ],
        submit: t('log_in'),
        send: ({name, password}) => logIn(name, password),
        after: () => go(next),
      }),
      el('p', {}, t('new_here'), ' ', el('a', {href: `/register?next=${encodeURIComponent(next)}`}, t('register')))),
  };
}

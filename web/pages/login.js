// Logging in.

import {el} from '../dom.js';
import {t} from '../language.js';
import {field, form} from '../parts/form.js';
import {go} from '../router.js';
import {logIn} from '../session.js';

// Where one came from, if that is an address of this site.
export function nextOf(query) {
  const next = query.get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

export function page({query}) {
  const next = nextOf(query);
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

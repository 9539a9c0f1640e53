// The registration page. Registering also logs in.

import {api} from '../api.js';
import {el} from '../dom.js';
import {t} from '../language.js';
import {field, form} from '../parts/form.js';
import {go} from '../router.js';
import {logIn} from '../session.js';
import {nextPath} from './login.js';

export function page({query}) {
  const next = nextPath(query);
  return {
    title: t('register'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('register')),
      form({
        fields: [
          field('name', t('user_name'), {required: true, maxlength: 40, autocomplete: 'username', autocapitalize: 'none'}),
          field('password', t('password'), {
            type: 'password', required: true, minlength: 8, maxlength: 256, autocomplete: 'new-password', hint: t('password_hint'),
          }),
        ],
        submit: t('register'),
        send: async ({name, password}, key) => {
          await api.register(name, password, key);
          await logIn(name, password);
        },
        after: () => go(next),
      }),
      el('p', {}, t('have_account'), ' ', el('a', {href: `/login?next=${encodeURIComponent(next)}`}, t('log_in')))),
  };
}

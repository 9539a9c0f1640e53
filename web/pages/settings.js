// The account settings: the password and the active sessions.

import {api} from '../api.js';
import {el} from '../dom.js';
import {ago, dateTime} from '../format.js';
import {t} from '../language.js';
import {field, form} from '../parts/form.js';
import {notice, runAction} from '../parts/notice.js';
import {reload, replace} from '../router.js';
import {currentUser} from '../session.js';

function passwordForm(user) {
  return form({
    fields: [
      field('old', t('old_password'), {type: 'password', required: true, autocomplete: 'current-password'}),
      field('new', t('new_password'), {
        type: 'password', required: true, minlength: 8, maxlength: 256, autocomplete: 'new-password', hint: t('password_hint'),
      }),
    ],
    submit: t('change_password'),
    send: async (values, key, view) => {
      await api.changePassword(user.id, values.old, values.new);
      view.reset();
      notice(t('password_changed'));
    },
    after: reload,
  });
}

function row(session, heading) {
  const end = el('button', {
    type: 'button', class: 'button', 'aria-label': t('end_session_label', {begun: dateTime(session.create_time)}),
    onclick: () => runAction(end, async () => {
      await api.endSession(session.id);
      item.remove();
      heading.focus();
      notice(t('session_was_ended'));
    }),
  }, t('end_session'));
  const item = el('li', {},
    el('p', {},
      el('strong', {}, session.current ? t('this_session') : t('other_session')),
      el('small', {}, t('session_since', {begun: dateTime(session.create_time), used: ago(session.use_time)}))),
    session.current ? null : end);
  return item;
}

function sessionList(first) {
  const heading = el('h2', {tabindex: -1}, t('sessions'));
  const rowOf = (session) => row(session, heading);
  const list = el('ul', {class: 'rows'}, first.items.map(rowOf));
  let {next} = first;
  const more = el('button', {type: 'button', class: 'button more', hidden: !next, onclick: () => runAction(more, async () => {
    const page = await api.sessions(next);
    list.append(...page.items.map(rowOf));
    next = page.next;
    more.hidden = !next;
  })}, t('more'));
  return [heading, list, more];
}

export async function page() {
  const user = currentUser();
  if (!user) {
    await replace('/login?next=/settings');
    return {title: t('log_in'), content: []};
  }
  const sessions = await api.sessions();
  return {
    title: t('settings'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('settings')),
      el('section', {}, el('h2', {}, t('change_password')), passwordForm(user)),
      el('section', {}, sessionList(sessions))),
  };
}

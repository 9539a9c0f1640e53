// The header of every page: the home link, the search box and the account links.

import {el, icon, svg} from '../dom.js';
import {t} from '../language.js';
import {go} from '../router.js';
import {currentUser, logOut} from '../session.js';
import {avatar} from './avatar.js';
import {notice, runAction} from './notice.js';

const MAGNIFIER = 'M10 4a6 6 0 1 0 3.7 10.7l4.8 4.8 1-1-4.8-4.8A6 6 0 0 0 10 4zm0 1.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z';

function brand() {
  return el('a', {class: 'brand', href: '/', 'aria-label': t('name')},
    svg('svg', {viewBox: '0 0 32 32', 'aria-hidden': 'true', class: 'logo'},
      svg('rect', {width: 32, height: 32, rx: 8}), svg('path', {d: 'M12 9.5v13l11-6.5z'})),
    el('span', {}, t('name')));
}

function searchForm() {
  const field = el('input', {
    type: 'search', name: 'q', 'aria-label': t('search_label'), placeholder: t('search_label'),
    value: new URLSearchParams(location.search).get('q') ?? '', maxlength: 200,
  });
  return el('form', {
    role: 'search', class: 'search', action: '/',
    onsubmit: (event) => {
      event.preventDefault();
      const words = field.value.trim();
      go(words ? `/?q=${encodeURIComponent(words)}` : '/');
    },
  }, field, el('button', {type: 'submit', 'aria-label': t('search')}, icon(MAGNIFIER)));
}

function onLogOut(event) {
  return runAction(event.currentTarget, async () => {
    await logOut();
    notice(t('logged_out'));
    await go('/');
  });
}

function links() {
  const user = currentUser();
  if (!user) {
    return [el('a', {href: '/login'}, t('log_in')), el('a', {class: 'button primary', href: '/register'}, t('register'))];
  }
  return [
    el('a', {class: 'button primary', href: '/upload'}, t('upload')),
    el('a', {class: 'account', href: `/users/${user.id}`}, avatar(user.id, user.name), el('span', {}, user.name)),
    el('a', {href: '/settings'}, t('settings')),
    el('button', {type: 'button', class: 'link-button', onclick: onLogOut}, t('log_out')),
  ];
}

export function renderHeader() {
  document.getElementById('header').replaceChildren(
    brand(), searchForm(), el('nav', {'aria-label': t('name')}, links()));
}

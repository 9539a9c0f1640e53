// The footer of every page: the language switch and the theme switch.

import {el, icon} from '../dom.js';
import {switchLanguage, t} from '../language.js';
import {toggleTheme} from '../theme.js';

const HALF_DISC = 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2v14a7 7 0 0 1 0-14z';

export function renderFooter() {
  document.getElementById('footer').replaceChildren(
    el('button', {
      type: 'button', class: 'link-button', 'aria-label': t('other_language_label'), onclick: switchLanguage,
      lang: t('other_language') === 'English' ? 'en' : 'zh-CN',
    }, t('other_language')),
    el('button', {type: 'button', class: 'icon-button', 'aria-label': t('theme'), title: t('theme'), onclick: toggleTheme}, icon(HALF_DISC)));
}

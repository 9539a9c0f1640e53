// The home page: the newest videos, or search results.

import {api} from '../api.js';
import {el} from '../dom.js';
import {t} from '../language.js';
import {grid} from '../parts/card.js';

export async function page({query}) {
  const words = (query.get('q') ?? '').trim();
  const title = words ? t('found', {words}) : t('newest');
  const first = words ? await api.search(words) : await api.videos();
  const empty = words
    ? [el('p', {}, t('none_found')), el('p', {}, el('a', {class: 'button', href: '/'}, t('to_home')))]
    : [el('p', {}, t('no_videos')), el('p', {}, el('a', {class: 'button primary', href: '/upload'}, t('first_video')))];
  return {title: words ? title : '', content: [el('h1', {}, title), ...await grid(first, empty)]};
}

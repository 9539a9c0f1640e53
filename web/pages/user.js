// A user and the videos they have added.

import {api} from '../api.js';
import {el} from '../dom.js';
import {date} from '../format.js';
import {t} from '../language.js';
import {avatar} from '../parts/avatar.js';
import {grid} from '../parts/card.js';

export async function page({id}) {
  const [user, first] = await Promise.all([api.user(id), api.userVideos(id)]);
  return {
    title: user.user_name,
    content: [
      el('header', {class: 'profile'}, avatar(user.user_id, user.user_name),
        el('h1', {}, user.user_name), el('p', {class: 'muted'}, t('member_since', {date: date(user.create_time)}))),
      ...await grid(first, el('p', {}, t('no_own_videos'))),
    ],
  };
}

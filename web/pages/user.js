// A user, and the videos that they have added.

import {api} from '../api.js';
import {el} from '../dom.js';
import {dateTime} from '../format.js';
import {t} from '../language.js';
import {grid} from '../parts/card.js';

export async function page({id}) {
  const [user, first] = await Promise.all([api.user(id), api.userVideos(id)]);
  return {
    title: user.user_name,
    content: [
      el('h1', {}, user.user_name),
      el('p', {class: 'quiet'}, t('member_since', {date: dateTime(user.create_time)})),
      ...grid(first, el('p', {class: 'quiet'}, t('no_own_videos'))),
    ],
  };
}

// The comments of a video: newest first, page by page.

import {api} from '../api.js';
import {el, icon} from '../dom.js';
import {draft} from '../draft.js';
import {ago} from '../format.js';
import {t} from '../language.js';
import {currentUser} from '../session.js';
import {avatar} from './avatar.js';
import {field, form} from './form.js';
import {act, notice, say} from './notice.js';
import {ask} from './question.js';

const BIN = 'M9 4h6l1 2h4v1.5H4V6h4zM6 9h12l-1 11H7z';

// first: the first page.
export function comments(video, first) {
  const list = el('ul', {class: 'comments'});
  const heading = el('h2', {id: 'comments', tabindex: -1}, t('comments'));
  const none = el('p', {class: 'empty'}, t('no_comments'));
  const more = el('button', {type: 'button', class: 'button more', onclick: () => act(more, load)}, t('more'));
  let next = null;

  function settle() {
    none.hidden = list.children.length > 0;
    more.hidden = !next;
  }

  function remove(comment, item) {
    return async (event) => {
      const button = event.currentTarget;
      if (!(await ask(t('delete_comment_question'), t('delete')))) return;
      await act(button, async () => {
        await api.deleteComment(video.id, comment.id);
        item.remove();
        settle();
        heading.focus();
        notice(t('comment_deleted'));
      });
    };
  }

  function entry(comment) {
    const user = currentUser();
    const item = el('li', {},
      avatar(comment.author_id, comment.author_name),
      el('p', {class: 'about'},
        el('a', {href: `/users/${comment.author_id}`}, comment.author_name), ' · ',
        el('time', {datetime: comment.post_time}, ago(comment.post_time))),
      el('p', {class: 'text'}, comment.content));
    if (user && (user.id === comment.author_id || user.id === video.author_id)) {
      item.append(el('button', {
        type: 'button', class: 'round', 'aria-label': t('delete_comment', {name: comment.author_name}), onclick: remove(comment, item),
      }, icon(BIN)));
    }
    return item;
  }

  function add(page) {
    const items = page.items.map(entry);
    list.append(...items);
    next = page.next;
    settle();
    return items;
  }

  async function load() {
    const [item] = add(await api.moreComments(next));
    item?.querySelector('a').focus();
  }

  const write = form({
    fields: [field('content', t('comment_label'), {kind: 'textarea', rows: 3, required: true, maxlength: 1000})],
    submit: t('comment'),
    draft: draft(`comment/${video.id}`),
    send: async ({content}, key, sender) => {
      list.prepend(entry(await api.addComment(video.id, content, key)));
      sender.reset();
      settle();
      say(t('commented'));
    },
  });
  const logIn = el('p', {}, el('a', {class: 'button', href: `/login?next=/videos/${video.id}`}, t('log_in_to_comment')));

  add(first);
  return el('section', {'aria-labelledby': 'comments'},
    heading, currentUser() ? write : logIn, none, list, more);
}

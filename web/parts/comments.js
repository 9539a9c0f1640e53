// The comments of a video, newest first, one page at a time.

import {api} from '../api.js';
import {el, icon} from '../dom.js';
import {draft} from '../draft.js';
import {ago} from '../format.js';
import {t} from '../language.js';
import {currentUser} from '../session.js';
import {avatar} from './avatar.js';
import {confirmDialog} from './confirm.js';
import {field, form} from './form.js';
import {announce, notice, runAction} from './notice.js';

const BIN = 'M9 4h6l1 2h4v1.5H4V6h4zM6 9h12l-1 11H7z';

// The section of the page. `first` is the first page from api.comments.
export function comments(video, first) {
  const list = el('ul', {class: 'comments'});
  const heading = el('h2', {id: 'comments', tabindex: -1}, t('comments'));
  const emptyNote = el('p', {class: 'empty'}, t('no_comments'));
  const more = el('button', {type: 'button', class: 'button more', onclick: () => runAction(more, load)}, t('more'));
  let next = null;

  function update() {
    emptyNote.hidden = list.children.length > 0;
    more.hidden = !next;
  }

  function remove(comment, item) {
    return async (event) => {
      const button = event.currentTarget;
      if (!(await confirmDialog(t('delete_comment_question'), t('delete')))) return;
      await runAction(button, async () => {
        await api.deleteComment(video.id, comment.id);
        item.remove();
        update();
        heading.focus();
        notice(t('comment_deleted'));
      });
    };
  }

  function entry(comment) {
    const user = currentUser();
    const item = el('li', {},
      avatar(comment.author_id, comment.author_name),
      el('p', {class: 'meta'},
        el('a', {href: `/users/${comment.author_id}`}, comment.author_name), ' · ',
        el('time', {datetime: comment.post_time}, ago(comment.post_time))),
      el('p', {class: 'text'}, comment.content));
    if (user && (user.id === comment.author_id || user.id === video.author_id)) {
      item.append(el('button', {
        type: 'button', class: 'icon-button', 'aria-label': t('delete_comment', {name: comment.author_name}), onclick: remove(comment, item),
      }, icon(BIN)));
    }
    return item;
  }

  function add(page) {
    const items = page.items.map(entry);
    list.append(...items);
    next = page.next;
    update();
    return items;
  }

  async function load() {
    const [item] = add(await api.moreComments(next));
    item?.querySelector('a').focus();
  }

  const commentForm = form({
    fields: [field('content', t('comment_label'), {kind: 'textarea', rows: 3, required: true, maxlength: 1000})],
    submit: t('comment'),
    draft: draft(`comment/${video.id}`),
    send: async ({content}, key, view) => {
      list.prepend(entry(await api.addComment(video.id, content, key)));
      view.reset();
      update();
      announce(t('commented'));
    },
  });
  const logInLink = el('p', {}, el('a', {class: 'button', href: `/login?next=/videos/${video.id}`}, t('log_in_to_comment')));

  add(first);
  return el('section', {'aria-labelledby': 'comments'},
    heading, currentUser() ? commentForm : logInLink, emptyNote, list, more);
}

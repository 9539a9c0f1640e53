// One video: the film, what is said about it, and what its owner may do.

import {api} from '../api.js';
import {el} from '../dom.js';
import {draft} from '../draft.js';
import {bytes, dateTime, views} from '../format.js';
import {t} from '../language.js';
import {avatar} from '../parts/avatar.js';
import {comments} from '../parts/comments.js';
import {field, form} from '../parts/form.js';
import {act, notice} from '../parts/notice.js';
import {player} from '../parts/player.js';
import {ask} from '../parts/question.js';
import {go, reload} from '../router.js';
import {currentUser} from '../session.js';

function film(video, isOwner) {
  if (video.state === 'ready') return player(video);
  return [
    el('div', {class: 'empty'}, el('p', {}, t('no_film')),
      isOwner ? el('p', {}, el('a', {class: 'button primary', href: `/upload?video=${video.id}`}, t('upload_film'))) : null),
  ];
}

function about(video) {
  return [
    el('div', {class: 'by'}, avatar(video.author_id, video.author_name),
      el('p', {}, el('a', {href: `/users/${video.author_id}`}, video.author_name)),
      el('p', {class: 'about'}, views(video.views), ' · ', el('time', {datetime: video.create_time}, dateTime(video.create_time)))),
    video.description ? el('p', {class: 'text'}, video.description) : null,
  ];
}

// The server names the file.
function download(video) {
  if (video.state !== 'ready') return null;
  return el('a', {class: 'button', href: `${video.stream_url}?download=1`, download: true}, `${t('download')} (${bytes(video.size)})`);
}

function editor(video, close) {
  const typed = draft(`video/${video.id}`);
  const cancel = () => {
    typed.drop();
    close();
  };
  return form({
    fields: [
      field('title', t('title'), {value: video.title, required: true, maxlength: 200}),
      field('description', t('description'), {kind: 'textarea', rows: 5, maxlength: 5000, value: video.description}),
    ],
    submit: t('save'),
    send: async ({title, description}) => {
      await api.editVideo(video, title, description);
      notice(t('saved'));
    },
    after: reload,
    draft: typed,
    extra: el('button', {type: 'button', class: 'button', onclick: cancel}, t('cancel')),
  });
}

// The buttons of the owner; the editor takes the place of what it edits, and of all buttons.
function ownerButtons(video, words) {
  const edit = el('button', {type: 'button', class: 'button', onclick: () => {
    const shown = [...words.childNodes];
    const editing = editor(video, () => {
      words.replaceChildren(...shown);
      edit.focus();
    });
    words.replaceChildren(el('h1', {}, t('edit')), editing);
    editing.elements[0].focus();
  }}, t('edit'));
  const remove = el('button', {type: 'button', class: 'button danger', onclick: async () => {
    if (!(await ask(t('delete_video_question'), t('delete')))) return;
    await act(remove, async () => {
      await api.deleteVideo(video.id);
      notice(t('video_deleted'));
      await go(`/users/${video.author_id}`);
    });
  }}, t('delete'));
  return [edit, remove];
}

export async function page({id}) {
  const [video, firstComments] = await Promise.all([api.video(id), api.comments(id)]);
  const isOwner = currentUser()?.id === video.author_id;
  const words = el('div', {class: 'words'}, el('h1', {}, video.title), about(video));
  words.append(el('p', {class: 'actions'}, download(video), isOwner ? ownerButtons(video, words) : null));
  return {
    title: video.title,
    content: el('article', {class: 'video'}, film(video, isOwner), words, comments(video, firstComments)),
  };
}

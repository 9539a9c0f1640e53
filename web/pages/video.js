// The page of a video: the player, its details, the owner's buttons and the comments.

import {api} from '../api.js';
import {el} from '../dom.js';
import {draft} from '../draft.js';
import {bytes, dateTime, views} from '../format.js';
import {t} from '../language.js';
import {avatar} from '../parts/avatar.js';
import {comments} from '../parts/comments.js';
import {confirmDialog} from '../parts/confirm.js';
import {field, form} from '../parts/form.js';
import {notice, runAction} from '../parts/notice.js';
import {player} from '../parts/player.js';
import {go, reload} from '../router.js';
import {currentUser} from '../session.js';

function playerOrUploadLink(video, isOwner) {
  if (video.state === 'ready') return player(video);
  return [
    el('div', {class: 'empty'}, el('p', {}, t('no_file')),
      isOwner ? el('p', {}, el('a', {class: 'button primary', href: `/upload?video=${video.id}`}, t('upload_file'))) : null),
  ];
}

function details(video) {
  return [
    el('div', {class: 'byline'}, avatar(video.author_id, video.author_name),
      el('p', {}, el('a', {href: `/users/${video.author_id}`}, video.author_name)),
      el('p', {class: 'meta'}, views(video.views), ' · ', el('time', {datetime: video.create_time}, dateTime(video.create_time)))),
    video.description ? el('p', {class: 'text'}, video.description) : null,
  ];
}

// The server sets the file name, in Content-Disposition.
function download(video) {
  if (video.state !== 'ready') return null;
  return el('a', {class: 'button', href: `${video.stream_url}?download=1`, download: true}, `${t('download')} (${bytes(video.size)})`);
}

function editor(video, close) {
  const saved = draft(`video/${video.id}`);
  const cancel = () => {
    saved.remove();
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
    draft: saved,
    extra: el('button', {type: 'button', class: 'button', onclick: cancel}, t('cancel')),
  });
}

// The owner's buttons. While the editor is open it replaces the details and all buttons.
function ownerButtons(video, container) {
  const edit = el('button', {type: 'button', class: 'button', onclick: () => {
    const shown = [...container.childNodes];
    const editing = editor(video, () => {
      container.replaceChildren(...shown);
      edit.focus();
    });
    container.replaceChildren(el('h1', {}, t('edit')), editing);
    editing.elements[0].focus();
  }}, t('edit'));
  const remove = el('button', {type: 'button', class: 'button danger', onclick: async () => {
    if (!(await confirmDialog(t('delete_video_question'), t('delete')))) return;
    await runAction(remove, async () => {
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
  const container = el('div', {class: 'details'}, el('h1', {}, video.title), details(video));
  container.append(el('p', {class: 'actions'}, download(video), isOwner ? ownerButtons(video, container) : null));
  return {
    title: video.title,
    content: el('article', {class: 'video'}, playerOrUploadLink(video, isOwner), container, comments(video, firstComments)),
  };
}

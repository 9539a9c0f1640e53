// Adding a video: the film, its title and description, and the way of its bytes to the server.

import {api} from '../api.js';
import {el, icon, newId} from '../dom.js';
import {draft} from '../draft.js';
import {bytes} from '../format.js';
import {problemText, t} from '../language.js';
import {field, form} from '../parts/form.js';
import {act, notice} from '../parts/notice.js';
import {progress} from '../parts/progress.js';
import {captureFrame, encodeJpeg} from '../poster.js';
import {go, reload, replace} from '../router.js';
import {currentUser} from '../session.js';
import {discard, isOf, startUpload, unfinished} from '../upload.js';

const TITLE_MAX = 200;
const ARROW = 'M12 3l6 6.5h-4V16h-4V9.5H6zM5 18h14v2.5H5z';

// A place to drop a file on, which is also a button to choose one. onChoose is called with the file and a promise
// of its picture (see poster.js), which is shown.
function filePicker(onChoose) {
  const id = newId('file');
  const input = el('input', {id, type: 'file', name: 'file', accept: 'video/mp4,video/webm,.mp4,.m4v,.webm', class: 'file'});
  const label = el('strong', {}, t('drop'));
  const preview = el('span', {class: 'preview', 'aria-hidden': 'true'}, icon(ARROW));
  const zone = el('label', {for: id, class: 'drop'}, preview, label, el('small', {}, t('file_hint')), input);
  let chosen = null;
  const choose = async (file) => {
    chosen = file;
    label.textContent = `${file.name} (${bytes(file.size)})`;
    const frame = captureFrame(file);
    onChoose(file, frame);
    const canvas = await frame;
    if (chosen === file) preview.replaceChildren(canvas ?? icon(ARROW));
  };
  input.addEventListener('change', () => input.files[0] && choose(input.files[0]));
  zone.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
  });
  return zone;
}

// Without its picture a video is complete all the same, so a failure is told, and no more.
async function sendPoster(videoId, frame) {
  const canvas = await frame;
  const picture = canvas && await encodeJpeg(canvas);
  if (!picture) return;
  try {
    await api.setPoster(videoId, picture);
  } catch (problem) {
    notice(t('no_poster', {problem: problemText(problem)}));
  }
}

// Sends the film and its picture; a refusal is thrown, for the form to show. How far it is stands in the place, instead
// of the others.
async function send({videoId, userId, file, frame, kept}, place, others) {
  const shown = progress(file);
  const upload = startUpload({videoId, userId, file, kept, tell: shown.tell});
  const warn = (event) => event.preventDefault();
  shown.follow(upload);
  addEventListener('beforeunload', warn);
  for (const other of others) other.hidden = true;
  place.replaceChildren(shown.view);
  shown.focus();
  let isDone;
  try {
    isDone = await upload.done;
    if (isDone) await sendPoster(videoId, frame);
  } catch (problem) {
    if (!place.isConnected) notice(problemText(problem));
    throw problem;
  } finally {
    removeEventListener('beforeunload', warn);
    place.replaceChildren();
    for (const other of others) other.hidden = false;
  }
  if (!isDone) throw new Error(t('upload_stopped'));
}

// What is said of an upload that a reload or a crash has cut off.
function reminder(kept) {
  const drop = el('button', {type: 'button', class: 'button', onclick: () => act(drop, async () => {
    await discard(kept);
    await reload();
  })}, t('discard'));
  return el('div', {class: 'reminder'}, el('p', {}, t('unfinished', {name: kept.name})), el('p', {class: 'actions'}, drop));
}

export async function page({query}) {
  const user = currentUser();
  if (!user) {
    await replace('/login?next=/upload');
    return {title: t('log_in'), content: []};
  }
  const kept = unfinished(user.id);
  let file = null;
  let frame = null;
  let videoId = kept?.videoId ?? (Number(query.get('video')) || null); // of the video that waits for its film
  const place = el('div');
  const title = field('title', t('title'), {required: true, maxlength: TITLE_MAX});
  const picker = filePicker((chosen, itsFrame) => {
    file = chosen;
    frame = itsFrame;
    const input = title.querySelector('input');
    if (!input.value) input.value = file.name.replace(/\.\w+$/, '').slice(0, TITLE_MAX);
  });
  const about = videoId ? [] : [title, field('description', t('description'), {kind: 'textarea', rows: 5, maxlength: 5000})];
  const told = kept && reminder(kept);
  const upload = async (values, key, filled) => {
    if (!file) throw new Error(t('choose_file'));
    if (kept && !isOf(kept, file)) throw new Error(t('other_file'));
    videoId ??= (await api.addVideo(values.title, values.description, key)).id;
    await send({videoId, userId: user.id, file, frame, kept: unfinished(user.id)}, place, [filled, told].filter(Boolean));
  };
  // Who has gone to another page meanwhile stays there, and is told.
  const after = () => (place.isConnected ? go(`/videos/${videoId}`) : notice(t('uploaded', {name: file.name})));
  return {
    title: t('upload'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('upload')),
      told,
      form({fields: [picker, ...about], submit: t('upload'), send: upload, after, draft: videoId ? null : draft('upload')}),
      place),
  };
}

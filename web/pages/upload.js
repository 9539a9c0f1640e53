// The upload page: creates a video and uploads its file, or resumes an unfinished upload.

import {api} from '../api.js';
import {el, icon, newId} from '../dom.js';
import {draft} from '../draft.js';
import {bytes} from '../format.js';
import {problemText, t} from '../language.js';
import {field, form} from '../parts/form.js';
import {notice, runAction} from '../parts/notice.js';
import {progress} from '../parts/progress.js';
import {captureFrame, encodeJpeg} from '../poster.js';
import {go, reload, replace} from '../router.js';
import {currentUser} from '../session.js';
import {discardUpload, matchesFile, startUpload, unfinishedUpload} from '../upload.js';

const TITLE_MAX = 200;
const ARROW = 'M12 3l6 6.5h-4V16h-4V9.5H6zM5 18h14v2.5H5z';

// A drop zone that is also a file input. Calls onChoose with the file and a promise of
// its poster frame (see poster.js), and shows the frame.
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

// Uploads the poster. The video is complete without one, so a failure is only reported.
async function sendPoster(videoId, frame) {
  const canvas = await frame;
  const image = canvas && await encodeJpeg(canvas);
  if (!image) return;
  try {
    await api.setPoster(videoId, image);
  } catch (problem) {
    notice(t('no_poster', {problem: problemText(problem)}));
  }
}

// Uploads the file, then the poster. `container` shows the progress; the `hidden`
// elements are hidden meanwhile. Throws when the server refuses the file or the visitor
// cancels.
async function send({videoId, userId, file, frame, saved}, container, hidden) {
  const {view, display, attach, focus} = progress(file);
  const upload = startUpload({videoId, userId, file, saved, display});
  const warn = (event) => event.preventDefault();
  attach(upload);
  addEventListener('beforeunload', warn);
  for (const element of hidden) element.hidden = true;
  container.replaceChildren(view);
  focus();
  let isDone;
  try {
    isDone = await upload.done;
    if (isDone) await sendPoster(videoId, frame);
  } catch (problem) {
    if (!container.isConnected) notice(problemText(problem));
    throw problem;
  } finally {
    removeEventListener('beforeunload', warn);
    container.replaceChildren();
    for (const element of hidden) element.hidden = false;
  }
  if (!isDone) throw new Error(t('upload_stopped'));
}

// A reminder of an upload that was interrupted, with a button to discard it.
function reminder(saved) {
  const discard = el('button', {type: 'button', class: 'button', onclick: () => runAction(discard, async () => {
    await discardUpload(saved);
    await reload();
  })}, t('discard'));
  return el('div', {class: 'reminder'}, el('p', {}, t('unfinished', {name: saved.name})), el('p', {class: 'actions'}, discard));
}

export async function page({query}) {
  const user = currentUser();
  if (!user) {
    await replace('/login?next=/upload');
    return {title: t('log_in'), content: []};
  }
  const saved = unfinishedUpload(user.id);
  let file = null;
  let frame = null;
  // null until the video is created
  let videoId = saved?.videoId ?? (Number(query.get('video')) || null);
  const container = el('div');
  const title = field('title', t('title'), {required: true, maxlength: TITLE_MAX});
  const picker = filePicker((chosen, chosenFrame) => {
    file = chosen;
    frame = chosenFrame;
    const input = title.querySelector('input');
    if (!input.value) input.value = file.name.replace(/\.\w+$/, '').slice(0, TITLE_MAX);
  });
  const details = videoId ? [] : [title, field('description', t('description'), {kind: 'textarea', rows: 5, maxlength: 5000})];
  const note = saved && reminder(saved);
  const upload = async (values, key, view) => {
    if (!file) throw new Error(t('choose_file'));
    if (saved && !matchesFile(saved, file)) throw new Error(t('other_file'));
    videoId ??= (await api.addVideo(values.title, values.description, key)).id;
    await send({videoId, userId: user.id, file, frame, saved: unfinishedUpload(user.id)}, container, [view, note].filter(Boolean));
  };
  // A visitor who has moved on to another page stays there and gets a notice.
  const after = () => (container.isConnected ? go(`/videos/${videoId}`) : notice(t('uploaded', {name: file.name})));
  return {
    title: t('upload'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('upload')),
      note,
      form({fields: [picker, ...details], submit: t('upload'), send: upload, after, draft: videoId ? null : draft('upload')}),
      container),
  };
}

// Adding a video: the film, its title and description, and the way of its bytes to the server.

import {api} from '../api.js';
import {el, newId} from '../dom.js';
import {bytes, duration} from '../format.js';
import {t} from '../language.js';
import {field, form} from '../parts/form.js';
import {go, replace} from '../router.js';
import {currentUser} from '../session.js';
import {sendFilm} from '../upload.js';

const TITLE_MAX = 200;

// A place to drop a file on, which is also a button to choose one. onChoose is called with the file.
function filePicker(onChoose) {
  const id = newId('file');
  const input = el('input', {id, type: 'file', name: 'file', accept: 'video/mp4,video/webm,.mp4,.m4v,.webm', class: 'file'});
  const label = el('strong', {}, t('drop'));
  const zone = el('label', {for: id, class: 'drop'}, label, el('small', {}, t('file_hint')), input);
  const choose = (file) => {
    label.textContent = `${file.name} (${bytes(file.size)})`;
    onChoose(file);
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

// How far the upload is: a bar, the speed, the time left, and a way to stop it.
function progressView(file, stop) {
  const bar = el('progress', {max: file.size, value: 0, 'aria-label': t('uploading')});
  const text = el('p', {class: 'quiet'});
  const begun = performance.now();
  const view = el('div', {class: 'progress'}, bar, text,
    el('button', {type: 'button', class: 'button', onclick: stop}, t('cancel')));
  function show(sent) {
    const seconds = (performance.now() - begun) / 1000;
    const speed = sent / seconds;
    bar.value = Math.min(sent, file.size);
    const values = {sent: bytes(bar.value), size: bytes(file.size)};
    text.textContent = seconds < 1
      ? t('upload_start', values)
      : t('upload_progress', {...values, speed: bytes(speed), left: duration((file.size - bar.value) / speed)});
  }
  show(0);
  return {view, show};
}

// Sends the film and leaves the page for the video's; a refusal is thrown, for the form to show.
async function send(videoId, file, place) {
  let stopped = false;
  const progress = progressView(file, () => {
    stopped = true;
    sending.stop();
  });
  const sending = sendFilm(videoId, file, progress.show);
  const warn = (event) => event.preventDefault();
  addEventListener('beforeunload', warn);
  place.replaceChildren(progress.view);
  try {
    await sending.done;
  } catch (problem) {
    throw stopped ? new Error(t('upload_stopped')) : problem;
  } finally {
    removeEventListener('beforeunload', warn);
    place.replaceChildren();
  }
  await go(`/videos/${videoId}`);
}

export async function page({query}) {
  if (!currentUser()) {
    await replace('/login?next=/upload');
    return {title: t('log_in'), content: []};
  }
  let file = null;
  let made = Number(query.get('video')) || null; // the video that waits for its film
  const place = el('div', {'aria-live': 'off'});
  const title = field('title', t('title'), {required: true, maxlength: TITLE_MAX});
  const picker = filePicker((chosen) => {
    file = chosen;
    const input = title.querySelector('input');
    if (!input.value) input.value = file.name.replace(/\.\w+$/, '').slice(0, TITLE_MAX);
  });
  const about = made ? [] : [title, field('description', t('description'), {kind: 'textarea', rows: 5, maxlength: 5000})];
  return {
    title: t('upload'),
    content: el('div', {class: 'narrow'},
      el('h1', {}, t('upload')),
      form({
        fields: [picker, ...about],
        submit: t('upload'),
        send: async (values, key) => {
          if (!file) throw new Error(t('choose_file'));
          made ??= (await api.addVideo(values.title, values.description, key)).id;
          await send(made, file, place);
        },
      }),
      place),
  };
}

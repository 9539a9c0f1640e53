// How far an upload is: a bar, the speed and the time left, and the buttons to pause and to stop it.

import {el} from '../dom.js';
import {bytes, duration} from '../format.js';
import {problemText, t} from '../language.js';
import {say} from './notice.js';

const LOOK_BACK_MS = 5000;

// Bytes a second, of the last few seconds.
function speedometer() {
  let samples = [];
  return (sent) => {
    const now = performance.now();
    samples = [...samples.filter(([time]) => now - time < LOOK_BACK_MS), [now, sent]];
    const [[time, before]] = samples;
    return now > time ? (sent - before) / ((now - time) / 1000) : 0;
  };
}

// {view, tell, follow, focus}: what is shown, what the upload calls, what takes the upload that the buttons steer, and
// what gives the first of them the focus.
export function progress(file) {
  let upload = null;
  let isPaused = false;
  const bar = el('progress', {max: file.size, value: 0, 'aria-label': t('uploading')});
  const text = el('p', {class: 'quiet'});
  const pause = el('button', {type: 'button', class: 'button', onclick: () => {
    isPaused = !isPaused;
    pause.textContent = t(isPaused ? 'resume' : 'pause');
    if (isPaused) upload.pause();
    else upload.resume();
  }}, t('pause'));
  const stop = el('button', {type: 'button', class: 'button danger', onclick: () => upload.stop()}, t('cancel'));
  let measure = speedometer();
  let isWaiting = false;
  const tell = {
    progress(sent) {
      const speed = measure(sent);
      isWaiting = false;
      bar.value = sent;
      const values = {sent: bytes(sent), size: bytes(file.size)};
      text.textContent = speed > 0
        ? t('upload_progress', {...values, speed: bytes(speed), left: duration((file.size - sent) / speed)})
        : t('upload_start', values);
    },
    waiting(seconds, problem) {
      measure = speedometer();
      text.textContent = problem.status === 0
        ? t('lost', {seconds})
        : t('waits', {seconds, problem: problemText(problem)});
      if (!isWaiting) say(text.textContent);
      isWaiting = true;
    },
    paused() {
      measure = speedometer();
      text.textContent = t('upload_paused', {sent: bytes(bar.value), size: bytes(file.size)});
      say(text.textContent);
    },
  };
  const view = el('div', {class: 'progress'}, el('h2', {}, file.name), bar, text, el('p', {class: 'actions'}, pause, stop));
  return {view, tell, follow: (started) => { upload = started; }, focus: () => pause.focus()};
}

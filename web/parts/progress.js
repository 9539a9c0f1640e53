// The progress of an upload: a bar, the speed, the time left, and buttons to pause and
// cancel.

import {el} from '../dom.js';
import {bytes, duration} from '../format.js';
import {problemText, t} from '../language.js';
import {announce} from './notice.js';

const SPEED_WINDOW_MS = 5000;

// Returns a function that takes the bytes sent so far and returns the speed in bytes per
// second, averaged over the last SPEED_WINDOW_MS.
function speedometer() {
  let samples = [];
  return (sent) => {
    const now = performance.now();
    samples = [...samples.filter(([time]) => now - time < SPEED_WINDOW_MS), [now, sent]];
    const [[time, before]] = samples;
    return now > time ? (sent - before) / ((now - time) / 1000) : 0;
  };
}

// Returns {view, display, attach, focus}: the element, the callbacks for startUpload, a
// function that connects the buttons to the started upload, and one that focuses the
// first.
export function progress(file) {
  let upload = null;
  let isPaused = false;
  const bar = el('progress', {max: file.size, value: 0, 'aria-label': t('uploading')});
  const text = el('p', {class: 'muted'});
  const pause = el('button', {type: 'button', class: 'button', onclick: () => {
    isPaused = !isPaused;
    pause.textContent = t(isPaused ? 'resume' : 'pause');
    if (isPaused) upload.pause();
    else upload.resume();
  }}, t('pause'));
  const stop = el('button', {type: 'button', class: 'button danger', onclick: () => upload.stop()}, t('cancel'));
  let speedOf = speedometer();
  let isWaiting = false;
  const display = {
    progress(sent) {
      const speed = speedOf(sent);
      isWaiting = false;
      bar.value = sent;
      const values = {sent: bytes(sent), size: bytes(file.size)};
      text.textContent = speed > 0
        ? t('upload_progress', {...values, speed: bytes(speed), left: duration((file.size - sent) / speed)})
        : t('upload_start', values);
    },
    waiting(seconds, problem) {
      speedOf = speedometer();
      text.textContent = problem.status === 0
        ? t('lost', {seconds})
        : t('waits', {seconds, problem: problemText(problem)});
      if (!isWaiting) announce(text.textContent);
      isWaiting = true;
    },
    paused() {
      speedOf = speedometer();
      text.textContent = t('upload_paused', {sent: bytes(bar.value), size: bytes(file.size)});
      announce(text.textContent);
    },
  };
  const view = el('div', {class: 'progress'}, el('h2', {}, file.name), bar, text, el('p', {class: 'actions'}, pause, stop));
  return {view, display, attach: (started) => { upload = started; }, focus: () => pause.focus()};
}

// The player. When as many watch as may, it says so and tries again.

import {problemOf} from '../api.js';
import {el, icon} from '../dom.js';
import {t} from '../language.js';
import {picture} from './card.js';

const USUAL_WAIT_S = 5;
const TRIANGLE = 'M8 5v14l11-7z';

// Why the film doesn't come: the player itself can't tell. One byte is asked for.
async function reason(url) {
  try {
    const response = await fetch(url, {headers: {Range: 'bytes=0-0'}, cache: 'no-store'});
    return response.ok ? null : await problemOf(response);
  } catch {
    return {status: 0};
  }
}

// preload=none: a film takes a place only when somebody wants to see it.
export function player(video) {
  const screen = el('video', {
    controls: true, preload: 'none', playsinline: true, src: video.stream_url, poster: video.poster_url, 'aria-label': video.title,
  });
  const cover = el('button', {type: 'button', class: 'cover', 'aria-label': t('play'), onclick: () => {
    screen.play().catch(() => {}); // the error event tells what went wrong
    screen.focus();
  }}, picture(video), el('span', {class: 'start'}, icon(TRIANGLE)));
  const trouble = el('p', {class: 'trouble', role: 'alert'});
  let timer = null;

  function again(at) {
    trouble.textContent = '';
    screen.src = video.stream_url;
    screen.currentTime = at;
    screen.play().catch(() => {}); // the error event tells what went wrong
  }

  function countDown(seconds, at) {
    if (!screen.isConnected) return;
    trouble.textContent = t('full', {seconds});
    if (seconds > 0) timer = setTimeout(() => countDown(seconds - 1, at), 1000);
    else again(at);
  }

  screen.addEventListener('error', async () => {
    clearTimeout(timer);
    const at = screen.currentTime;
    const problem = await reason(video.stream_url);
    if (problem === null) trouble.textContent = t('cannot_play');
    else if (problem.status === 429 || problem.status === 503) countDown(problem.retryAfter || USUAL_WAIT_S, at);
    else trouble.textContent = problem.status === 0 ? t('problem_none') : t('film_gone');
  });
  screen.addEventListener('play', () => cover.remove());
  return [el('div', {class: 'screen'}, screen, cover), trouble];
}

// The player. When as many watch as may, or the server is away, it says so and tries again.

import {mayWorkLater, Problem, problemOf} from '../api.js';
import {el, icon} from '../dom.js';
import {problemText, t} from '../language.js';
import {picture} from './card.js';
import {say} from './notice.js';

const USUAL_WAIT_S = 5;
const TRIANGLE = 'M8 5v14l11-7z';

// Why the film doesn't come: the player itself can't tell. One byte is asked for.
async function reason(url) {
  try {
    const response = await fetch(url, {headers: {Range: 'bytes=0-0'}, cache: 'no-store'});
    return response.ok ? null : await problemOf(response);
  } catch {
    return new Problem(0);
  }
}

function explain(problem) {
  if (problem === null) return t('cannot_play');
  return problem.status === 404 ? t('film_gone') : problemText(problem);
}

// The same while one waits for better times.
function explainWait(problem, seconds) {
  if (problem.status === 429) return t('full', {seconds});
  return problem.status === 0 ? t('lost', {seconds}) : t('waits', {problem: problemText(problem), seconds});
}

// preload=none: a film takes a place only when somebody wants to see it. Until then the cover is all that there is to
// press.
export function player(video) {
  const screen = el('video', {
    preload: 'none', playsinline: true, src: video.stream_url, poster: video.poster_url, 'aria-label': video.title,
  });
  const cover = el('button', {type: 'button', class: 'cover', 'aria-label': t('play'), onclick: () => {
    uncover();
    screen.play().catch(() => {}); // the error event tells what went wrong
    screen.focus();
  }}, picture(video), el('span', {class: 'start'}, icon(TRIANGLE)));
  const trouble = el('p', {class: 'trouble'});
  let timer = null;

  function uncover() {
    screen.controls = true;
    cover.remove();
  }

  function again(at) {
    trouble.textContent = '';
    screen.src = video.stream_url;
    screen.currentTime = at;
    screen.play().catch(() => {}); // the error event tells what went wrong
  }

  function countDown(problem, seconds, at) {
    if (!screen.isConnected) return;
    trouble.textContent = explainWait(problem, seconds);
    if (seconds > 0) timer = setTimeout(() => countDown(problem, seconds - 1, at), 1000);
    else again(at);
  }

  screen.addEventListener('error', async () => {
    clearTimeout(timer);
    const at = screen.currentTime;
    const wasCut = screen.error.code === MediaError.MEDIA_ERR_NETWORK;
    const problem = await reason(video.stream_url) ?? (wasCut ? new Problem(0) : null);
    if (problem && mayWorkLater(problem)) countDown(problem, problem.retryAfter || USUAL_WAIT_S, at);
    else trouble.textContent = explain(problem);
    say(trouble.textContent);
  });
  screen.addEventListener('play', uncover);
  return [el('div', {class: 'screen'}, screen, cover), trouble];
}

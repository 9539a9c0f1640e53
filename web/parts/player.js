// The video player. When the server is busy or unreachable, it shows why and retries.

import {isRetryable, Problem, problemFromResponse} from '../api.js';
import {el, icon} from '../dom.js';
import {problemText, t} from '../language.js';
import {poster} from './card.js';
import {announce} from './notice.js';

const DEFAULT_RETRY_S = 5;
const TRIANGLE = 'M8 5v14l11-7z';

// Why the video doesn't load: a media element reports no HTTP status, so this requests
// one byte. Resolves to a Problem, or to null when the request succeeds.
async function probe(url) {
  try {
    const response = await fetch(url, {headers: {Range: 'bytes=0-0'}, cache: 'no-store'});
    return response.ok ? null : await problemFromResponse(response);
  } catch {
    return new Problem(0);
  }
}

function errorText(problem) {
  if (problem === null) return t('cannot_play');
  return problem.status === 404 ? t('file_gone') : problemText(problem);
}

function retryText(problem, seconds) {
  if (problem.status === 429) return t('busy', {seconds});
  return problem.status === 0 ? t('lost', {seconds}) : t('waits', {problem: problemText(problem), seconds});
}

// The player's elements. preload=none: a stream takes up one of the server's tokens, so
// it starts only when the visitor presses play. Until then a cover with a play button
// hides the browser's own controls.
export function player(video) {
  const media = el('video', {
    preload: 'none', playsinline: true, src: video.stream_url, poster: video.poster_url, 'aria-label': video.title,
  });
  const cover = el('button', {type: 'button', class: 'cover', 'aria-label': t('play'), onclick: () => {
    removeCover();
    media.play().catch(() => {}); // the error event reports the failure
    media.focus();
  }}, poster(video), el('span', {class: 'start'}, icon(TRIANGLE)));
  const error = el('p', {class: 'error'});
  let timer = null;

  function removeCover() {
    media.controls = true;
    cover.remove();
  }

  function retry(position) {
    error.textContent = '';
    media.src = video.stream_url;
    media.currentTime = position;
    media.play().catch(() => {}); // the error event reports the failure
  }

  function countDown(problem, seconds, position) {
    if (!media.isConnected) return;
    error.textContent = retryText(problem, seconds);
    if (seconds > 0) timer = setTimeout(() => countDown(problem, seconds - 1, position), 1000);
    else retry(position);
  }

  media.addEventListener('error', async () => {
    clearTimeout(timer);
    const position = media.currentTime;
    const wasInterrupted = media.error.code === MediaError.MEDIA_ERR_NETWORK;
    const problem = await probe(video.stream_url) ?? (wasInterrupted ? new Problem(0) : null);
    if (problem && isRetryable(problem)) countDown(problem, problem.retryAfter || DEFAULT_RETRY_S, position);
    else error.textContent = errorText(problem);
    announce(error.textContent);
  });
  media.addEventListener('play', removeCover);
  return [el('div', {class: 'player'}, media, cover), error];
}

// Resumable uploads over tus 1.0 (https://tus.io/protocols/resumable-upload). After a
// lost connection the client asks the server for its offset and sends the rest from
// there. XMLHttpRequest sends the bytes, because fetch reports no upload progress.

import {isRetryable, parseRetryAfter, Problem, problemFromResponse, reportUnauthorized} from './api.js';
import {browserStore} from './store.js';

const KEY = 'upload';
const TUS = {'Tus-Resumable': '1.0.0'};
// Wrong offset, or the previous request still holds the upload: ask for the offset again.
const OFFSET_CHANGED = [409, 423];
const RETRY_MIN_S = 1;
const RETRY_MAX_S = 30;

// Recognizes a file when it is chosen again.
function signature(file) {
  return `${file.name}/${file.size}/${file.lastModified}`;
}

// The user's unfinished upload: {url, videoId, userId, name, sign}; null when there is
// none.
export function unfinishedUpload(userId) {
  const saved = browserStore.get(KEY);
  return saved?.userId === userId ? saved : null;
}

// Whether a file is the one of an unfinished upload.
export function matchesFile(saved, file) {
  return saved.sign === signature(file);
}

export async function discardUpload(saved) {
  browserStore.remove(KEY);
  await fetch(saved.url, {method: 'DELETE', headers: TUS});
}

async function request(method, url, headers) {
  let response;
  try {
    response = await fetch(url, {method, headers: {...TUS, ...headers}});
  } catch {
    throw new Problem(0);
  }
  if (!response.ok) throw await problemFromResponse(response);
  return response;
}

async function createUpload(videoId, userId, file) {
  const response = await request('POST', `/stream/videos/${videoId}`, {'Upload-Length': String(file.size)});
  const url = new URL(response.headers.get('Location'), location.origin).pathname;
  const saved = {url, videoId, userId, name: file.name, sign: signature(file)};
  browserStore.set(KEY, saved);
  return saved;
}

// The number of bytes that the server has received.
async function fetchOffset(url) {
  return Number((await request('HEAD', url)).headers.get('Upload-Offset'));
}

function problemFromXhr(xhr) {
  let body = {};
  try {
    body = JSON.parse(xhr.responseText);
  } catch {
    // Not a response of the API: only the status is known.
  }
  return new Problem(xhr.status, body, parseRetryAfter(xhr.getResponseHeader('Retry-After')));
}

// Sends the file from offset to its end. Calls onProgress with the number of bytes sent,
// counted from the start of the file. Rejects with a Problem.
function sendFrom(xhr, url, file, offset, onProgress) {
  return new Promise((resolve, reject) => {
    xhr.upload.onprogress = (event) => onProgress(offset + event.loaded);
    xhr.onload = () => (xhr.status === 204 ? resolve() : reject(problemFromXhr(xhr)));
    xhr.onerror = () => reject(new Problem(0));
    xhr.onabort = () => reject(new Problem(0));
    xhr.open('PATCH', url);
    for (const [name, value] of Object.entries({...TUS, 'Upload-Offset': offset, 'Content-Type': 'application/offset+octet-stream'})) {
      xhr.setRequestHeader(name, value);
    }
    xhr.send(file.slice(offset));
  });
}

// Starts an upload, or resumes `saved`, an unfinished one. Returns {done, pause, resume,
// stop}. done resolves to true when the upload is complete and to false when it was
// stopped; it rejects with a Problem when the server refuses the upload. Failures that
// may pass are retried without end.
//
// The upload calls display.progress(bytes), display.paused(), and, once a second until
// the next retry, display.waiting(seconds, problem).
export function startUpload({videoId, userId, file, saved, display}) {
  let xhr = null;
  let paused = false;
  let stopped = false;
  let wake = () => {};
  let failures = 0;

  const sleep = (ms) => new Promise((resolve) => {
    wake = resolve;
    if (ms !== null) setTimeout(resolve, ms);
  });
  const onOnline = () => wake();

  async function waitToRetry(problem) {
    failures += 1;
    const seconds = problem.retryAfter || Math.min(RETRY_MIN_S * 2 ** (failures - 1), RETRY_MAX_S);
    const end = Date.now() + seconds * 1000;
    while (!paused && !stopped && Date.now() < end) {
      display.waiting(Math.ceil((end - Date.now()) / 1000), problem);
      const before = Date.now();
      await sleep(Math.min(1000, end - before));
      // Woken early, by the online event.
      if (navigator.onLine && Date.now() - before < 500 && end - before > 500) return;
    }
  }

  async function attempt() {
    saved ??= await createUpload(videoId, userId, file);
    const offset = await fetchOffset(saved.url);
    display.progress(offset);
    xhr = new XMLHttpRequest();
    await sendFrom(xhr, saved.url, file, offset, (bytes) => {
      failures = 0;
      display.progress(bytes);
    });
  }

  async function run() {
    addEventListener('online', onOnline);
    try {
      while (!stopped) {
        if (paused) {
          display.paused();
          await sleep(null);
          continue;
        }
        try {
          await attempt();
          browserStore.remove(KEY);
          return true;
        } catch (problem) {
          if (paused || stopped) continue;
          if (!isRetryable(problem) && !OFFSET_CHANGED.includes(problem.status)) {
            if (problem.status === 401) reportUnauthorized();
            else browserStore.remove(KEY);
            throw problem;
          }
          await waitToRetry(problem);
        }
      }
      // If this fails, the upload expires on the server.
      if (saved) await discardUpload(saved).catch(() => {});
      return false;
    } finally {
      removeEventListener('online', onOnline);
    }
  }

  return {
    done: run(),
    pause() {
      paused = true;
      xhr?.abort();
      wake();
    },
    resume() {
      paused = false;
      wake();
    },
    stop() {
      stopped = true;
      xhr?.abort();
      wake();
    },
  };
}

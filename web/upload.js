// Sends a film in pieces that survive a lost connection, by tus 1.0 (https://tus.io/protocols/resumable-upload):
// the server knows how far it is, and one goes on from there. fetch can't tell how many bytes have gone, so
// XMLHttpRequest sends them.

import {loggedOut, mayWorkLater, Problem, problemOf, readRetryAfter} from './api.js';
import {always} from './store.js';

const KEY = 'upload';
const TUS = {'Tus-Resumable': '1.0.0'};
const IS_ELSEWHERE = [409, 423]; // the server is not as far as one thought, or is still busy with the last piece
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;

// What tells the same file when it is chosen again.
function sign(file) {
  return `${file.name}/${file.size}/${file.lastModified}`;
}

// The upload that was not finished: {url, videoId, userId, name, sign}, null when there is none.
export function unfinished(userId) {
  const kept = always.get(KEY);
  return kept?.userId === userId ? kept : null;
}

export function isOf(kept, file) {
  return kept.sign === sign(file);
}

export async function discard(kept) {
  always.drop(KEY);
  await fetch(kept.url, {method: 'DELETE', headers: TUS});
}

async function ask(method, url, headers) {
  let response;
  try {
    response = await fetch(url, {method, headers: {...TUS, ...headers}});
  } catch {
    throw new Problem(0);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function create(videoId, userId, file) {
  const response = await ask('POST', `/stream/videos/${videoId}`, {'Upload-Length': String(file.size)});
  const kept = {url: new URL(response.headers.get('Location'), location.origin).pathname, videoId, userId, name: file.name, sign: sign(file)};
  always.set(KEY, kept);
  return kept;
}

// How far the server is.
async function offsetOf(url) {
  return Number((await ask('HEAD', url)).headers.get('Upload-Offset'));
}

function problemFrom(request) {
  let body = {};
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // Not from the server: the status is all there is.
  }
  return new Problem(request.status, body, readRetryAfter(request.getResponseHeader('Retry-After')));
}

// Sends what is left of the file. The promise gives nothing, or fails with a Problem.
function sendRest(request, url, file, offset, progress) {
  return new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => progress(offset + event.loaded);
    request.onload = () => (request.status === 204 ? resolve() : reject(problemFrom(request)));
    request.onerror = () => reject(new Problem(0));
    request.onabort = () => reject(new Problem(0));
    request.open('PATCH', url);
    for (const [name, value] of Object.entries({...TUS, 'Upload-Offset': offset, 'Content-Type': 'application/offset+octet-stream'})) {
      request.setRequestHeader(name, value);
    }
    request.send(file.slice(offset));
  });
}

// An upload that goes on until it is done, refused or stopped. tell.progress(bytes), tell.waiting(seconds, problem)
// (which counts down to 0) and tell.paused() say how it goes. kept is an unfinished one to go on with.
export function startUpload({videoId, userId, file, kept, tell}) {
  let request = null;
  let paused = false;
  let stopped = false;
  let wake = () => {};
  let failures = 0;

  const sleep = (ms) => new Promise((resolve) => {
    wake = resolve;
    if (ms !== null) setTimeout(resolve, ms);
  });
  const hurry = () => wake();

  async function wait(problem) {
    failures += 1;
    const seconds = problem.retryAfter || Math.min(FIRST_WAIT_S * 2 ** (failures - 1), LONGEST_WAIT_S);
    const end = Date.now() + seconds * 1000;
    while (!paused && !stopped && Date.now() < end) {
      tell.waiting(Math.ceil((end - Date.now()) / 1000), problem);
      const before = Date.now();
      await sleep(Math.min(1000, end - before));
      if (navigator.onLine && Date.now() - before < 500 && end - before > 500) return; // the connection is back
    }
  }

  async function sendOnce() {
    kept ??= await create(videoId, userId, file);
    const offset = await offsetOf(kept.url);
    tell.progress(offset);
    request = new XMLHttpRequest();
    await sendRest(request, kept.url, file, offset, (bytes) => {
      failures = 0;
      tell.progress(bytes);
    });
  }

  async function run() {
    addEventListener('online', hurry);
    try {
      while (!stopped) {
        if (paused) {
          tell.paused();
          await sleep(null);
          continue;
        }
        try {
          await sendOnce();
          always.drop(KEY);
          return true;
        } catch (problem) {
          if (paused || stopped) continue;
          if (!mayWorkLater(problem) && !IS_ELSEWHERE.includes(problem.status)) {
            if (problem.status === 401) loggedOut();
            else always.drop(KEY);
            throw problem;
          }
          await wait(problem);
        }
      }
      if (kept) await discard(kept).catch(() => {}); // what is left there, the server sweeps
      return false;
    } finally {
      removeEventListener('online', hurry);
    }
  }

  return {
    done: run(),
    pause() {
      paused = true;
      request?.abort();
      wake();
    },
    resume() {
      paused = false;
      wake();
    },
    stop() {
      stopped = true;
      request?.abort();
      wake();
    },
  };
}

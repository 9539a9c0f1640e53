// Sends a film's bytes. fetch can't tell how many have gone, so XMLHttpRequest does it.

import {Problem, readRetryAfter} from './api.js';

function problemFrom(request) {
  let body = {};
  try {
    body = JSON.parse(request.responseText);
  } catch {
    // Not from the server: the status is all there is.
  }
  return new Problem(request.status, body, readRetryAfter(request.getResponseHeader('Retry-After')));
}

// Sends the file as the video's film. progress(bytes) is called on the way. {done, stop}: a promise that fails with
// a Problem, and what ends it.
export function sendFilm(videoId, file, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => (request.status === 201 ? resolve() : reject(problemFrom(request)));
    request.onerror = () => reject(new Problem(0));
    request.onabort = () => reject(new Problem(0));
    request.open('POST', `/stream/videos/${videoId}`);
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    request.send(file);
  });
  return {done, stop: () => request.abort()};
}

// HTTP client for the API. Every other module calls the server through this one, except
// upload.js (resumable uploads) and parts/player.js (one probe of the stream).

// A failed request, from the server's problem body (RFC 9457). status is 0 when there was
// no response.
export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail || body.error || body.title || `HTTP ${status}`);
    this.status = status;
    this.code = body.error_code || '';
    this.error = body.error || '';
    this.detail = body.detail || '';
    this.requestId = body.request_id || '';
    this.retryAfter = retryAfter;
  }
}

// The seconds of a Retry-After header; null when it is absent or invalid.
export function parseRetryAfter(text) {
  const seconds = Number.parseInt(text ?? '', 10);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

// Whether the same request may succeed later: no response, or a busy or failing server.
export function isRetryable(problem) {
  return [0, 429, 500, 502, 503, 504].includes(problem.status);
}

export async function problemFromResponse(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Not a response of the API: only the status is known.
  }
  return new Problem(response.status, body, parseRetryAfter(response.headers.get('Retry-After')));
}

let unauthorizedCallback = () => {};

// Registers the function to call when a response says that the session has ended.
export function onUnauthorized(callback) {
  unauthorizedCallback = callback;
}

// Reports such a response.
export function reportUnauthorized() {
  unauthorizedCallback();
}

// body is sent as JSON; file is sent as is.
// checksPassword: 401 means that the password is wrong, not that the session has ended.
// isFresh: bypasses the browser's cache.
async function request(method, path, {body, file, headers = {}, checksPassword = false, isFresh = false} = {}) {
  const options = {method, body: file, headers: {Accept: 'application/json', ...headers}, cache: isFresh ? 'no-store' : 'default'};
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0);
  }
  if (response.ok) return response;
  const problem = await problemFromResponse(response);
  if (response.status === 401 && !checksPassword) reportUnauthorized();
  throw problem;
}

async function json(method, path, options) {
  return (await request(method, path, options)).json();
}

// The path of the next page in a Link header; null on the last page.
function nextPath(response) {
  const match = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('Link') ?? '');
  if (!match) return null;
  const url = new URL(match[1], location.origin);
  return url.pathname + url.search;
}

// One page of a list: {items, next}. next is the path of the next page, or null.
async function listPage(path, itemsOf) {
  const response = await request('GET', path);
  return {items: itemsOf(await response.json()), next: nextPath(response)};
}

// An idempotency key: a POST repeated with the same key creates only one resource.
export function newIdempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const idempotent = (key) => ({'Idempotency-Key': key});

const NEWEST_VIDEOS = '/api/videos?limit=24&state=ready';

export const api = {
  register: (name, password, key) =>
    json('POST', '/api/users', {body: {user_name: name, pwd: password}, headers: idempotent(key)}),
  user: (id) => json('GET', `/api/users/${id}`),
  userVideos: (id) => api.videos(`/api/users/${id}/videos?limit=24`),
  changePassword: (id, oldPassword, newPassword) =>
    request('PUT', `/api/users/${id}/password`, {
      body: {old_pwd: oldPassword, pwd: newPassword},
      checksPassword: true,
    }),

  logIn: (name, password) => json('POST', '/api/sessions', {body: {user_name: name, pwd: password}, checksPassword: true}),
  logOut: () => request('DELETE', '/api/sessions'),
  sessions: (path = '/api/sessions') => listPage(path, (body) => body.sessions),
  endSession: (id) => request('DELETE', `/api/sessions/${id}`),

  videos: (path = NEWEST_VIDEOS) => listPage(path, (body) => body),
  search: (words) => api.videos(`${NEWEST_VIDEOS}&q=${encodeURIComponent(words)}`),
  async video(id) {
    // A cached response would show an old view count.
    const response = await request('GET', `/api/videos/${id}`, {isFresh: true});
    return {...(await response.json()), etag: response.headers.get('ETag')};
  },
  addVideo: (title, description, key) =>
    json('POST', '/api/videos', {body: {title, description}, headers: idempotent(key)}),
  editVideo: (video, title, description) =>
    json('PATCH', `/api/videos/${video.id}`, {
      body: {title, description},
      headers: video.etag ? {'If-Match': video.etag} : {},
    }),
  setPoster: (id, image) => request('PUT', `/stream/videos/${id}/poster`, {file: image}),
  deleteVideo: (id) => request('DELETE', `/api/videos/${id}`),

  comments: (videoId) => api.moreComments(`/api/videos/${videoId}/comments?limit=20`),
  moreComments: (path) => listPage(path, (body) => body.comments),
  addComment: (videoId, content, key) =>
    json('POST', `/api/videos/${videoId}/comments`, {body: {content}, headers: idempotent(key)}),
  deleteComment: (videoId, id) => request('DELETE', `/api/videos/${videoId}/comments/${id}`),
};

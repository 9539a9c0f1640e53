// The one module that speaks to the server.

// A failure, as the server's problem body (RFC 9457) tells it; status 0 when there was no answer.
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

// Seconds of a Retry-After header, null without one.
export function readRetryAfter(text) {
  const seconds = Number.parseInt(text ?? '', 10);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

// Whether the same may work later: no answer, or the server is busy.
export function mayWorkLater(problem) {
  return [0, 429, 500, 502, 503, 504].includes(problem.status);
}

export async function problemOf(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Not from the server: the status is all there is.
  }
  return new Problem(response.status, body, readRetryAfter(response.headers.get('Retry-After')));
}

let onLoggedOut = () => {};

// Calls the function when an answer says that the session has ended.
export function whenLoggedOut(callback) {
  onLoggedOut = callback;
}

// An answer has said so.
export function loggedOut() {
  onLoggedOut();
}

// body: data, which goes as JSON; file: bytes, which go as they are.
// asksPassword: a 401 then says that the password is wrong, not that the session has ended.
// isNews: what the browser may have of it already is not asked for.
async function request(method, path, {body, file, headers = {}, asksPassword = false, isNews = false} = {}) {
  const options = {method, body: file, headers: {Accept: 'application/json', ...headers}, cache: isNews ? 'no-store' : 'default'};
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
  const problem = await problemOf(response);
  if (response.status === 401 && !asksPassword) loggedOut();
  throw problem;
}

async function json(method, path, options) {
  return (await request(method, path, options)).json();
}

// The address of the next page in a Link header, null when this was the last one.
function nextPage(response) {
  const match = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('Link') ?? '');
  if (!match) return null;
  const url = new URL(match[1], location.origin);
  return url.pathname + url.search;
}

async function page(path, read) {
  const response = await request('GET', path);
  return {items: read(await response.json()), next: nextPage(response)};
}

// A key for the POSTs that create: a form that is sent twice makes one thing.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const once = (key) => ({'Idempotency-Key': key});

export const FIRST_VIDEOS = '/api/videos?limit=24&state=ready';

export const api = {
  register: (name, password, key) =>
    json('POST', '/api/users', {body: {user_name: name, pwd: password}, headers: once(key)}),
  user: (id) => json('GET', `/api/users/${id}`),
  userVideos: (id) => api.videos(`/api/users/${id}/videos?limit=24`),
  changePassword: (id, oldPassword, newPassword) =>
    request('PUT', `/api/users/${id}/password`, {
      body: {old_pwd: oldPassword, pwd: newPassword},
      asksPassword: true,
    }),

  logIn: (name, password) => json('POST', '/api/sessions', {body: {user_name: name, pwd: password}, asksPassword: true}),
  logOut: () => request('DELETE', '/api/sessions'),
  sessions: (path = '/api/sessions') => page(path, (body) => body.sessions),
  endSession: (id) => request('DELETE', `/api/sessions/${id}`),

  videos: (path = FIRST_VIDEOS) => page(path, (body) => body),
  search: (words) => api.videos(`${FIRST_VIDEOS}&q=${encodeURIComponent(words)}`),
  async video(id) {
    const response = await request('GET', `/api/videos/${id}`, {isNews: true}); // an old one has old views
    return {...(await response.json()), etag: response.headers.get('ETag')};
  },
  addVideo: (title, description, key) =>
    json('POST', '/api/videos', {body: {title, description}, headers: once(key)}),
  editVideo: (video, title, description) =>
    json('PATCH', `/api/videos/${video.id}`, {
      body: {title, description},
      headers: video.etag ? {'If-Match': video.etag} : {},
    }),
  setPoster: (id, picture) => request('PUT', `/stream/videos/${id}/poster`, {file: picture}),
  deleteVideo: (id) => request('DELETE', `/api/videos/${id}`),

  comments: (videoId) => api.moreComments(`/api/videos/${videoId}/comments?limit=20`),
  moreComments: (path) => page(path, (body) => body.comments),
  addComment: (videoId, content, key) =>
    json('POST', `/api/videos/${videoId}/comments`, {body: {content}, headers: once(key)}),
  deleteComment: (videoId, id) => request('DELETE', `/api/videos/${videoId}/comments/${id}`),
};

// The logged-in user. The session cookie is HttpOnly; X-User-Id, the cookie set beside
// it, only tells scripts whose session it is and authorizes nothing.

import {api, onUnauthorized} from './api.js';
import {browserStore, tabStore} from './store.js';

const NAME = 'user_name';
const listeners = [];

function cookieId() {
  const match = /(?:^|;\s*)X-User-Id=(\d+)/.exec(document.cookie);
  return match ? Number(match[1]) : null;
}

function notifyListeners() {
  for (const listener of listeners) listener();
}

// {id, name}; null when nobody is logged in.
export function currentUser() {
  const id = cookieId();
  if (id === null) return null;
  const [storedId, name] = browserStore.get(NAME) ?? [];
  return {id, name: storedId === id ? name : `#${id}`};
}

// Registers a function to call when a user has logged in or out or lost the session.
export function onSessionChange(listener) {
  listeners.push(listener);
}

export async function logIn(name, password) {
  const {user_id: id} = await api.logIn(name, password);
  const user = await api.user(id);
  browserStore.set(NAME, [id, user.user_name]);
  notifyListeners();
}

function forget() {
  document.cookie = 'X-User-Id=; Path=/; Max-Age=0; SameSite=Lax';
  browserStore.remove(NAME);
  notifyListeners();
}

export async function logOut() {
  try {
    await api.logOut();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
  }
  tabStore.clear();
  forget();
}

let expiredCallback = () => {};

// Registers the function to call when the server rejects the session of a logged-in user.
export function onSessionExpired(callback) {
  expiredCallback = callback;
}

onUnauthorized(() => {
  const user = currentUser();
  forget();
  if (user) expiredCallback();
});

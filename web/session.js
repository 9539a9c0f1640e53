// Who is logged in. The session itself is in a cookie that no script can read; the one beside it says whose it
// is, and proves nothing.

import {api, whenLoggedOut} from './api.js';
import {always, thisWindow} from './store.js';

const NAME = 'user_name';
const listeners = [];

function cookieId() {
  const match = /(?:^|;\s*)X-User-Id=(\d+)/.exec(document.cookie);
  return match ? Number(match[1]) : null;
}

function tell() {
  for (const listener of listeners) listener();
}

// {id, name} or null.
export function currentUser() {
  const id = cookieId();
  if (id === null) return null;
  const [known, name] = always.get(NAME) ?? [];
  return {id, name: known === id ? name : `#${id}`};
}

export function onSession(listener) {
  listeners.push(listener);
}

export async function logIn(name, password) {
  const {user_id: id} = await api.logIn(name, password);
  const user = await api.user(id);
  always.set(NAME, [id, user.user_name]);
  tell();
}

function forget() {
  document.cookie = 'X-User-Id=; Path=/; Max-Age=0; SameSite=Lax';
  always.drop(NAME);
  tell();
}

export async function logOut() {
  try {
    await api.logOut();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
  }
  thisWindow.clear();
  forget();
}

let expired = () => {};

// Calls the function when the server doesn't know the session any more.
export function onExpired(callback) {
  expired = callback;
}

whenLoggedOut(() => {
  const was = currentUser();
  forget();
  if (was) expired();
});

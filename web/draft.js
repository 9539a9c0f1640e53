// Unsent form input, stored per tab and user. It survives reloads and the login that
// follows an expired session; logging out deletes it.

import {currentUser} from './session.js';
import {tabStore} from './store.js';

// name identifies the form, such as comment/3.
export function draft(name) {
  const key = `draft/${currentUser()?.id}/${name}`;
  return {
    values: tabStore.get(key) ?? {},
    save: (values) => tabStore.set(key, values),
    remove: () => tabStore.remove(key),
  };
}

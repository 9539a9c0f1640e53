// What has been typed into a form and not been sent. It stays in this window, for the same user, when the page goes
// because the session has ended, so that it is there again after logging in.

import {currentUser} from './session.js';
import {thisWindow} from './store.js';

// name: which form of the site it is, such as comment/3.
export function draft(name) {
  const key = `draft/${currentUser()?.id}/${name}`;
  return {
    values: thisWindow.get(key) ?? {},
    keep: (values) => thisWindow.set(key, values),
    drop: () => thisWindow.drop(key),
  };
}

// An unknown URL.

import {Problem} from '../api.js';

export function page() {
  throw new Problem(404);
}

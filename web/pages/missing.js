// An address at which there is nothing.

import {Problem} from '../api.js';

export function page() {
  throw new Problem(404);
}

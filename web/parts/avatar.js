// A decorative avatar: the first letter of a name on a disc whose colour depends on the
// user id.

import {svg} from '../dom.js';

export function avatar(id, name) {
  return svg('svg', {class: 'avatar', viewBox: '0 0 40 40', 'aria-hidden': 'true'},
    svg('circle', {cx: 20, cy: 20, r: 20, fill: `hsl(${(id * 67 + 20) % 360} 45% 33%)`}),
    svg('text', {x: 20, y: 26.5, 'text-anchor': 'middle', 'font-size': 19, 'font-weight': 600, fill: '#fff'},
      [...name][0].toUpperCase()));
}

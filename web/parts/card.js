// A video in a grid, and the grid, which goes on when its end comes into view.

import {api} from '../api.js';
import {el, newId, svg} from '../dom.js';
import {ago, views} from '../format.js';
import {problemText, t} from '../language.js';
import {keep, kept} from '../router.js';

const AT_ONCE = 4; // pictures; those further down are fetched when they come near

// A drawing for a video without a picture: light on a ground of two colours, which its id decides.
function drawing(id) {
  const hue = (id * 67) % 360;
  const ground = newId('ground');
  const light = (cx, cy, r) => svg('circle', {cx, cy, r, fill: '#fff', 'fill-opacity': 0.09});
  return svg('svg', {viewBox: '0 0 16 9', class: 'picture', 'aria-hidden': 'true', preserveAspectRatio: 'xMidYMid slice'},
    svg('linearGradient', {id: ground, x2: 1, y2: 1},
      svg('stop', {'stop-color': `hsl(${hue} 42% 42%)`}),
      svg('stop', {offset: 1, 'stop-color': `hsl(${(hue + 40) % 360} 48% 20%)`})),
    svg('rect', {width: 16, height: 9, fill: `url(#${ground})`}),
    light((id * 5) % 16, 8, 6), light((id * 5 + 6) % 16, 1, 4));
}

export function picture(video, loading = 'eager') {
  if (!video.poster_url) return drawing(video.id);
  return el('img', {
    class: 'picture', src: video.poster_url, alt: '', loading, width: 320, height: 180,
    onerror: (event) => event.target.replaceWith(drawing(video.id)),
  });
}

export function card(video, place = AT_ONCE) {
  return el('li', {class: 'card'},
    el('a', {href: `/videos/${video.id}`, class: 'frame', tabindex: -1, 'aria-hidden': 'true'},
      picture(video, place < AT_ONCE ? 'eager' : 'lazy'),
      video.state === 'ready' ? null : el('span', {class: 'badge'}, t('not_ready'))),
    el('h2', {}, el('a', {href: `/videos/${video.id}`}, video.title)),
    el('p', {class: 'about'},
      el('a', {href: `/users/${video.author_id}`}, video.author_name), ' · ',
      views(video.views), ' · ',
      el('time', {datetime: video.create_time}, ago(video.create_time))));
}

// Shows the first page, and the following ones as they are wanted; who comes back gets those at once that were
// there before. `empty` stands there when there is nothing.
export async function grid(first, empty) {
  if (first.items.length === 0) return [el('div', {class: 'empty'}, empty)];
  const list = el('ul', {class: 'grid'}, first.items.map(card));
  let next = first.next;
  let pages = 1;
  let busy = false;
  const more = el('button', {type: 'button', class: 'button more', onclick: load}, t('more'));
  const trouble = el('p', {class: 'trouble', role: 'alert'});
  const watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), {rootMargin: '400px'});

  async function loadPage() {
    const page = await api.videos(next);
    const cards = page.items.map((video) => card(video));
    const isAsked = document.activeElement === more;
    list.append(...cards);
    if (isAsked) cards[0]?.querySelector('h2 a').focus({preventScroll: true});
    next = page.next;
    pages += 1;
  }

  async function load() {
    if (busy || !next) return;
    busy = true;
    trouble.textContent = '';
    try {
      await loadPage();
      if (list.isConnected) keep('pages', pages);
      watcher.unobserve(more);
      if (next) watcher.observe(more);
      else more.remove();
    } catch (problem) {
      trouble.textContent = problemText(problem);
    } finally {
      busy = false;
    }
  }

  const before = kept('pages') ?? 1;
  while (next && pages < before) await loadPage();
  if (next) watcher.observe(more);
  return [list, trouble, next ? more : null].filter(Boolean);
}

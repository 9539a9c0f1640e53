// A video card, and a grid of cards that loads more when its end is near the viewport.

import {api} from '../api.js';
import {el, newId, svg} from '../dom.js';
import {ago, views} from '../format.js';
import {problemText, t} from '../language.js';
import {saveState, savedState} from '../router.js';

const EAGER_POSTERS = 4; // the rest load lazily

// A drawn placeholder for a video without a poster. The video id decides its colours.
function placeholder(id) {
  const hue = (id * 67) % 360;
  const background = newId('background');
  const light = (cx, cy, r) => svg('circle', {cx, cy, r, fill: '#fff', 'fill-opacity': 0.09});
  return svg('svg', {viewBox: '0 0 16 9', class: 'poster', 'aria-hidden': 'true', preserveAspectRatio: 'xMidYMid slice'},
    svg('linearGradient', {id: background, x2: 1, y2: 1},
      svg('stop', {'stop-color': `hsl(${hue} 42% 42%)`}),
      svg('stop', {offset: 1, 'stop-color': `hsl(${(hue + 40) % 360} 48% 20%)`})),
    svg('rect', {width: 16, height: 9, fill: `url(#${background})`}),
    light((id * 5) % 16, 8, 6), light((id * 5 + 6) % 16, 1, 4));
}

// The poster image; the placeholder when there is none or it can't be shown.
export function poster(video, loading = 'eager') {
  if (!video.poster_url) return placeholder(video.id);
  return el('img', {
    class: 'poster', src: video.poster_url, alt: '', loading, width: 320, height: 180,
    onerror: (event) => event.target.replaceWith(placeholder(video.id)),
  });
}

// The link around the poster duplicates the title's, so keyboard and screen reader skip
// it.
function card(video, index = EAGER_POSTERS) {
  return el('li', {class: 'card'},
    el('a', {href: `/videos/${video.id}`, class: 'frame', tabindex: -1, 'aria-hidden': 'true'},
      poster(video, index < EAGER_POSTERS ? 'eager' : 'lazy'),
      video.state === 'ready' ? null : el('span', {class: 'badge'}, t('not_ready'))),
    el('h2', {}, el('a', {href: `/videos/${video.id}`}, video.title)),
    el('p', {class: 'meta'},
      el('a', {href: `/users/${video.author_id}`}, video.author_name), ' · ',
      views(video.views), ' · ',
      el('time', {datetime: video.create_time}, ago(video.create_time))));
}

// The elements of a grid that starts with `first`, a page from api.videos. When the
// visitor comes back through the history, all pages loaded before are loaded again first.
// `empty` is shown when there are no videos.
export async function grid(first, empty) {
  if (first.items.length === 0) return [el('div', {class: 'empty'}, empty)];
  const list = el('ul', {class: 'grid'}, first.items.map(card));
  let next = first.next;
  let pages = 1;
  let isLoading = false;
  const more = el('button', {type: 'button', class: 'button more', onclick: load}, t('more'));
  const error = el('p', {class: 'error', role: 'alert'});
  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), {rootMargin: '400px'});

  async function loadPage() {
    const page = await api.videos(next);
    const cards = page.items.map((video) => card(video));
    const hadFocus = document.activeElement === more;
    list.append(...cards);
    if (hadFocus) cards[0]?.querySelector('h2 a').focus({preventScroll: true});
    next = page.next;
    pages += 1;
  }

  async function load() {
    if (isLoading || !next) return;
    isLoading = true;
    error.textContent = '';
    try {
      await loadPage();
      if (list.isConnected) saveState('pages', pages);
      observer.unobserve(more); // observing it again reports that it is still in view
      if (next) observer.observe(more);
      else more.remove();
    } catch (problem) {
      error.textContent = problemText(problem);
    } finally {
      isLoading = false;
    }
  }

  const savedPages = savedState('pages') ?? 1;
  while (next && pages < savedPages) await loadPage();
  if (next) observer.observe(more);
  return [list, error, next ? more : null].filter(Boolean);
}

// A picture for a film, taken out of the film itself. A film that this browser can't play gives none.

const SHARE = 0.1; // of the film, at which its first seconds are over,
const LATEST_S = 1; // and no later than that
const MOST_WIDTH = 640;
const MOST_BYTES = 512 * 1024; // that the server takes
const QUALITIES = [0.85, 0.6, 0.3];
const TIMEOUT_MS = 30000;

function happens(target, name) {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, {once: true});
    target.addEventListener('error', () => reject(new Error('no film')), {once: true});
    setTimeout(() => reject(new Error('too slow')), TIMEOUT_MS);
  });
}

function draw(film) {
  const scale = Math.min(1, MOST_WIDTH / film.videoWidth);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(film.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(film.videoHeight * scale));
  canvas.getContext('2d').drawImage(film, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// A canvas with a frame of the film, or null.
export async function captureFrame(file) {
  const film = document.createElement('video');
  film.muted = true;
  film.preload = 'auto';
  const loaded = happens(film, 'loadeddata');
  film.src = URL.createObjectURL(file);
  try {
    await loaded;
    const found = happens(film, 'seeked');
    film.currentTime = Math.min(LATEST_S, film.duration * SHARE);
    await found;
    return film.videoWidth ? draw(film) : null;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(film.src);
    film.removeAttribute('src');
    film.load();
  }
}

// The canvas as a JPEG that is small enough, or null.
export async function encodeJpeg(canvas) {
  for (const quality of QUALITIES) {
    const picture = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', quality); });
    if (picture && picture.size <= MOST_BYTES) return picture;
  }
  return null;
}

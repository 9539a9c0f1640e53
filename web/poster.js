// Creates a poster image from a frame of a video file. A file that this browser can't
// decode yields none.

const SEEK_FRACTION = 0.1; // of the duration, past a black opening
const SEEK_MAX_S = 1;
const WIDTH_MAX = 640;
const SIZE_MAX = 512 * 1024; // bytes, the server's limit
const QUALITIES = [0.85, 0.6, 0.3];
const TIMEOUT_MS = 30000;

function waitFor(target, name) {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, {once: true});
    target.addEventListener('error', () => reject(new Error('cannot decode the file')), {once: true});
    setTimeout(() => reject(new Error('timed out')), TIMEOUT_MS);
  });
}

function draw(video) {
  const scale = Math.min(1, WIDTH_MAX / video.videoWidth);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// A canvas with a frame near the start of the video file; null on failure.
export async function captureFrame(file) {
  const video = document.createElement('video');
  video.muted = true;
  video.preload = 'auto';
  const loaded = waitFor(video, 'loadeddata');
  video.src = URL.createObjectURL(file);
  try {
    await loaded;
    const seeked = waitFor(video, 'seeked');
    video.currentTime = Math.min(SEEK_MAX_S, video.duration * SEEK_FRACTION);
    await seeked;
    return video.videoWidth ? draw(video) : null;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(video.src);
    video.removeAttribute('src');
    video.load();
  }
}

// The canvas as a JPEG within the server's size limit; null when that fails.
export async function encodeJpeg(canvas) {
  for (const quality of QUALITIES) {
    const image = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', quality); });
    if (image && image.size <= SIZE_MAX) return image;
  }
  return null;
}

// Stores JSON values by name in the browser. When the visitor's settings block storage,
// writes are dropped and reads return null; the site keeps working.

function store(getStorage) {
  const attempt = (use) => {
    try {
      return use(getStorage());
    } catch {
      return null;
    }
  };
  return {
    // null when absent
    get: (name) => attempt((storage) => JSON.parse(storage.getItem(name))),
    set: (name, value) => attempt((storage) => storage.setItem(name, JSON.stringify(value))),
    remove: (name) => attempt((storage) => storage.removeItem(name)),
    clear: () => attempt((storage) => storage.clear()),
  };
}

export const browserStore = store(() => localStorage);
export const tabStore = store(() => sessionStorage); // deleted when the tab is closed

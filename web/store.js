// What this browser keeps for the site, as data under names. Where the visitor's settings forbid that, nothing is kept,
// and all else works.

function store(find) {
  const attempt = (use) => {
    try {
      return use(find());
    } catch {
      return null;
    }
  };
  return {
    get: (name) => attempt((storage) => JSON.parse(storage.getItem(name))), // null when there is nothing
    set: (name, value) => attempt((storage) => storage.setItem(name, JSON.stringify(value))),
    drop: (name) => attempt((storage) => storage.removeItem(name)),
    clear: () => attempt((storage) => storage.clear()),
  };
}

export const always = store(() => localStorage);
export const thisWindow = store(() => sessionStorage); // until it is closed

// The token, which this tab keeps until it is closed.

const key = "reactord.token";

// adopt takes a token from the address (#token=...), and removes it there.
export function adopt() {
  const found = /^#token=([\w.~+/=-]+)$/.exec(location.hash);
  if (found) {
    history.replaceState(null, "", location.pathname + "#/");
    setToken(found[1]);
  }
}

// token returns the token, or null.
export const token = () => sessionStorage.getItem(key);

// setToken keeps a token; null forgets it.
export function setToken(value) {
  if (value === null) {
    sessionStorage.removeItem(key);
  } else {
    sessionStorage.setItem(key, value);
  }
}

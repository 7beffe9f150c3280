// Keys that do something when no field has them.

// onKeys calls the function of a key, until signal is aborted. Fields and dialogs keep their keys.
export function onKeys(functions, signal) {
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
      return;
    }
    const act = functions[event.key];
    if (act) {
      event.preventDefault();
      act(event);
    }
  }, { signal });
}

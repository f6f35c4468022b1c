// Light or dark as the system has it, or as the button with `data-theme-toggle` last said.
// It stands in the head, without `defer`, so that a page is never shown in the wrong one.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const kept = () => {
    try {
      return localStorage.getItem("victoryvault.theme");
    } catch {
      return null; // no storage for this page: the system's, then
    }
  };
  const keep = (theme) => {
    try {
      localStorage.setItem("victoryvault.theme", theme);
    } catch {}
  };
  const follow = () => {
    const theme = kept();
    if (theme) root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.setAttribute("aria-pressed", String(isDark()));
    }
  };
  follow();
  addEventListener("storage", follow); // another window's button
  system.addEventListener("change", follow);
  addEventListener("DOMContentLoaded", () => {
    follow();
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        keep(root.dataset.theme);
        follow();
      });
    }
  });
})();

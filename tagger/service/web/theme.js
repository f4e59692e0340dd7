// Dark or light: as the system has it, unless the button was pressed.

const KEY = "tagger-theme";

export function startTheme(button) {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const tell = () => root.dispatchEvent(new Event("theme"));
  try { root.dataset.theme = localStorage.getItem(KEY) || ""; } catch { /* no storage: it holds for this visit */ }
  system.addEventListener("change", tell);
  button.addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* as above */ }
    tell();
  });
}

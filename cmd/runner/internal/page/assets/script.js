// Keeps a page fresh: fetches it again and puts the new content in the place of the old. Without it, pages work as well.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh);
  const main = document.getElementById("main");
  const tools = document.getElementById("tools");
  if (!seconds || !main || !tools) return;

  const key = "tocsin-refresh";
  let on = true;
  try {
    on = localStorage.getItem(key) !== "off";
  } catch (e) {
    // Storage may be forbidden.
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  const show = () => {
    button.textContent = on ? "Refreshing" : "Paused";
    button.setAttribute("aria-pressed", String(on));
    button.title = on ? "The page is refreshed every " + seconds + " seconds" : "The page is not refreshed";
  };
  button.addEventListener("click", () => {
    on = !on;
    try {
      localStorage.setItem(key, on ? "on" : "off");
    } catch (e) {
      // Storage may be forbidden.
    }
    show();
  });
  show();
  tools.prepend(button);

  // Nobody's place on the page, choice or text is taken away.
  const used = () => {
    const at = document.activeElement;
    return document.hidden || (at && at !== main && main.contains(at)) || String(getSelection()) !== "" || main.querySelector("details[open]");
  };
  const refresh = async () => {
    if (!on || used()) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.redirected || !answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const content = fresh.getElementById("main");
      if (!content || used()) return;
      const notice = content.querySelector(".notice");
      if (notice) notice.remove();
      main.replaceChildren(...Array.from(content.childNodes, (n) => document.importNode(n, true)));
      const foot = fresh.querySelector("footer");
      if (foot) document.querySelector("footer").replaceChildren(...Array.from(foot.childNodes, (n) => document.importNode(n, true)));
    } catch (e) {
      // The next time may do.
    }
  };
  setInterval(refresh, seconds * 1000);
})();

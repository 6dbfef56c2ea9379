/* Small behaviours. Every page works without them. */
(() => {
  "use strict";

  const root = document.documentElement;
  root.classList.add("has-script");

  /* A hidden field that tells the server which time zone the person is in. */
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (timeZone) {
    document.querySelectorAll("input[data-time-zone]").forEach((input) => { input.value = timeZone; });
    document.querySelectorAll("[data-time-zone-hint]").forEach((hint) => {
      const select = document.getElementById(hint.dataset.timeZoneHint);
      const known = select && Array.from(select.options).some((option) => option.value === timeZone);
      if (!known || select.value === timeZone) return;
      hint.querySelector("[data-time-zone-name]").textContent = timeZone.replaceAll("_", " ");
      hint.hidden = false;
      hint.querySelector("button").addEventListener("click", () => {
        select.value = timeZone;
        hint.hidden = true;
        select.focus();
      });
    });
  }

  /* The tab of this page is in sight where there is no room for all of them. */
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  /* Menus close on Escape and on a click elsewhere. */
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.dataset.copyText || source.value || source.innerText);
    } catch {
      return;
    }
    const words = button.querySelector("[data-copy-words]");
    const before = words.textContent;
    words.textContent = "Copied";
    setTimeout(() => { words.textContent = before; }, 2000);
  };

  const reveal = (button) => {
    const input = document.getElementById(button.dataset.reveal);
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dismiss], [data-copy], [data-reveal]");
    if (!button) return;
    if ("dismiss" in button.dataset) button.closest("[data-dismissible]").remove();
    if (button.dataset.copy) copy(button);
    if (button.dataset.reveal) reveal(button);
  });

  /* What costs money is sent once: a second click does nothing until the page has changed or nothing came of it. */
  const WAIT_FOR_ANSWER = 15_000;
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-once]");
    if (!form) return;
    if ("sent" in form.dataset) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    const buttons = form.querySelectorAll("button[type=submit]");
    buttons.forEach((button) => { button.setAttribute("aria-disabled", "true"); });
    setTimeout(() => {
      delete form.dataset.sent;
      buttons.forEach((button) => { button.removeAttribute("aria-disabled"); });
    }, WAIT_FOR_ANSWER);
  });
  /* Going back to such a page shows what is true now, not what the browser kept of it. */
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && document.querySelector("form[data-once]")) window.location.reload();
  });

  /* The session ended while the page was open: say so once, and keep the page as it is. */
  document.addEventListener("signed-out", () => {
    const notice = document.getElementById("signed-out-notice");
    if (notice) notice.hidden = false;
  });

  /* A failed passkey or security key prompt is told in words. */
  document.addEventListener("allauth.error", (event) => {
    const notice = document.getElementById("security-key-notice");
    if (!notice) return;
    event.preventDefault();
    notice.hidden = false;
  });
})();

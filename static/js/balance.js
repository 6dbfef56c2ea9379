/* The balance in the header follows the ledger: a quick question while somebody is here, a slow one otherwise. */
(() => {
  "use strict";

  /* Below two and fifteen seconds by what an answer takes. */
  const QUICK = 1_800;
  const SLOW = 14_500;
  const SLOWEST = 60_000;
  const ACTIVE_FOR = 120_000;
  const SIGNS_OF_LIFE = ["pointerdown", "pointermove", "keydown", "scroll", "touchstart", "balance-moved"];

  let activeAt = Date.now();
  let failures = 0;
  let signedOut = false;
  let timer;

  const pause = () => {
    const usual = Date.now() - activeAt < ACTIVE_FOR ? QUICK : SLOW;
    return Math.min(usual * 2 ** failures, Math.max(usual, SLOWEST));
  };

  const plan = () => {
    clearTimeout(timer);
    if (!document.hidden && !signedOut) timer = setTimeout(poll, pause());
  };

  const poll = () => {
    const chip = document.getElementById("balance-chip");
    if (chip && !document.hidden && !signedOut) window.htmx.trigger(chip, "balance-poll");
    plan();
  };

  const sawLife = () => {
    const wasSlow = Date.now() - activeAt >= ACTIVE_FOR;
    activeAt = Date.now();
    if (wasSlow) poll();
  };
  SIGNS_OF_LIFE.forEach((sign) => { document.addEventListener(sign, sawLife, { passive: true, capture: true }); });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else { activeAt = Date.now(); poll(); }
  });
  document.addEventListener("signed-out", () => { signedOut = true; clearTimeout(timer); });

  /* When the server can't answer, ask less and less often. */
  const isChip = (event) => event.detail.elt?.id === "balance-chip";
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isChip(event)) return;
    failures = event.detail.successful ? 0 : Math.min(failures + 1, 5);
    plan();
  });

  /* A part of the page that follows along waits while somebody is in it: it must not take their focus away. */
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part.matches("[data-follows]") && part.contains(document.activeElement)) event.preventDefault();
  });

  /* The card below the chip goes away on Escape, for whoever it covers something. */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.getElementById("balance-chip")?.classList.add("is-dismissed");
  });
  ["pointerout", "focusout"].forEach((leaving) => {
    document.addEventListener(leaving, (event) => {
      const chip = event.target.closest?.("#balance-chip");
      if (chip && !chip.contains(event.relatedTarget)) chip.classList.remove("is-dismissed");
    });
  });

  plan();
})();

"use strict";

// Comfort only: the page works without. Test cards fill the form in place, and digits are grouped while typed.
(() => {
  const form = document.querySelector("main form");
  const field = (name) => form.querySelector(`[name=${name}]`);
  const grouped = (digits) => digits.replace(/\D/g, "").slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 ");
  const dated = (typed) => {
    const digits = typed.replace(/\D/g, "").slice(0, 4);
    return digits.length > 2 ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits;
  };

  function atTheEnd(input, format) {
    input.addEventListener("input", () => {
      if (input.selectionStart === input.value.length) input.value = format(input.value);
    });
  }

  atTheEnd(field("number"), grouped);
  atTheEnd(field("expiry"), (typed) => (/^[\d\s/]*$/.test(typed) && !typed.endsWith("/") ? dated(typed) : typed));

  for (const link of document.querySelectorAll("[data-card]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const example = JSON.parse(link.dataset.fill);
      field("number").value = grouped(link.dataset.card);
      for (const [name, value] of Object.entries(example)) {
        if (name !== "name" || !field(name).value) field(name).value = value;
      }
      form.querySelector("button[type=submit]").focus();
    });
  }

  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit]");
    setTimeout(() => button.setAttribute("disabled", ""), 0);
  });
  // A page that comes back from the browser's cache would otherwise keep its button dead.
  window.addEventListener("pageshow", () => form.querySelector("button[type=submit]").removeAttribute("disabled"));
})();

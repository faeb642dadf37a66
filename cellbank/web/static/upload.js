/* A logger's file goes to the server as soon as it is chosen; its name and sha256 fill the form. A bar shows how far
   the upload is, and later the import. */
"use strict";
(function () {
  for (const field of document.querySelectorAll("[data-upload]")) {
    const form = field.closest("form"),
      bar = field.querySelector("progress"),
      said = field.querySelector("[data-said]");
    const digest = field.querySelector("input[type=hidden]"),
      chosen = field.querySelector("input[type=file]");
    const name = form.querySelector(`[name="${field.dataset.upload}"]`),
      buttons = form.querySelectorAll(".actions button");
    const show = (part, text) => {
      bar.hidden = false;
      bar.value = part;
      said.textContent = text;
    };
    chosen.addEventListener("change", () => {
      const file = chosen.files[0];
      if (!file) return;
      digest.value = "";
      const request = new XMLHttpRequest();
      for (const button of buttons) button.disabled = true;
      request.upload.addEventListener("progress", (event) => show(event.loaded / event.total, file.name));
      request.addEventListener("loadend", () => {
        for (const button of buttons) button.disabled = false;
        let answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          /* no answer */
        }
        if (!answer.sha256) {
          bar.hidden = true;
          said.textContent = answer.problem || field.dataset.failed;
          return;
        }
        digest.value = answer.sha256;
        if (name) name.value = file.name.slice(0, 200);
        show(1, field.dataset.ready.replace("{name}", file.name));
        if (document.activeElement === chosen || document.activeElement === document.body)
          form.querySelector('.actions [value="do"]').focus();
      });
      request.open("POST", field.dataset.url);
      request.setRequestHeader("X-CSRFToken", document.querySelector("meta[name=csrf-token]").content);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.send(file);
    });
    form.addEventListener("submit", () => {
      if (!digest.value) return;
      const look = async () => {
        const answer = await fetch(field.dataset.progress.replace("DIGEST", digest.value))
          .then((r) => r.json())
          .catch(() => ({}));
        if (answer.part !== null && answer.part !== undefined) show(answer.part, `${Math.round(100 * answer.part)} %`);
        setTimeout(look, 400);
      };
      look();
    });
  }
})();

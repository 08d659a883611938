// Copy buttons for the code on the start page. Where a page may not write to the clipboard there are none.

const told = document.querySelector("[role=status]");

for (const button of navigator.clipboard ? document.querySelectorAll("button.copy") : []) {
  const code = button.closest(".code").querySelector("code");
  button.hidden = false;
  button.addEventListener("click", async () => {
    told.textContent = "";
    try {
      await navigator.clipboard.writeText(code.textContent);
      told.textContent = told.dataset.copied;
    } catch {
      getSelection().selectAllChildren(code); // for the keyboard's own copy
    }
  });
}

// Runs before the page is drawn: no flash of the other theme, the server's nonce on every style sheet that a library makes, and the files
// of the page at hand are asked for.
(() => {
  const theme = localStorage.getItem("convene.theme");
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const nonce = document.querySelector('meta[name="csp-nonce"]').content;
  const create = document.createElement;
  document.createElement = function (name, options) {
    const element = create.call(this, name, options);
    if (String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };
  const pages = JSON.parse(document.querySelector('meta[name="pages"]').content);
  for (const href of pages[location.pathname.split("/")[1]] ?? []) {
    const link = create.call(document, "link");
    link.setAttribute("fetchpriority", "low");
    document.head.append(Object.assign(link, { rel: "modulepreload", crossOrigin: "", href }));
  }
})();

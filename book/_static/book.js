// What the theme leaves out, for those who read with a keyboard, with a screen reader or on paper.
(() => {
  document.documentElement.dataset.mode ||= "auto"; // the theme's own script, which comes later, takes an empty one for an error
  const all = query => [...document.querySelectorAll(query)];

  // A name for what is only a picture, and a landmark for what stands in none.
  function name() {
    all("button.copybtn").forEach(b => b.setAttribute("aria-label", "Copy the code"));
    all("li.has-children > details > summary").forEach(summary => {
      const page = summary.closest("li").querySelector("a").textContent.trim();
      summary.setAttribute("aria-label", "Pages of " + page);
    });
    const sidebar = document.getElementById("pst-primary-sidebar");
    if (sidebar) {
      sidebar.setAttribute("role", "navigation");
      sidebar.setAttribute("aria-label", "Book");
    }
    all("button.sidebar-toggle, .btn-fullscreen-button").forEach(b => b.setAttribute("aria-label", b.title || b.dataset.bsOriginalTitle));
  }

  // What scrolls sideways can be reached with the Tab key, so that the arrow keys scroll it; what does not scroll stands in nobody's way.
  const reached = new WeakSet();
  function reach() {
    for (const e of all(".bd-article :is(pre, table, div.math, div.highlight, mjx-container, .pst-scrollable-table-container)")) {
      const scrolls = e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX);
      if (scrolls && e.tabIndex < 0) {
        e.tabIndex = 0;
        reached.add(e);
      } else if (!scrolls && reached.delete(e)) e.removeAttribute("tabindex");
    }
  }

  // Paper cannot be unfolded, and it is white.
  let folded = [], theme = "";
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach(e => { e.open = true; });
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    folded.forEach(e => { e.open = false; });
    document.documentElement.dataset.theme = theme;
  });

  addEventListener("load", () => {
    name();
    reach();
    if (window.MathJax?.startup?.promise) MathJax.startup.promise.then(reach);
  });
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true); // it does not bubble
})();

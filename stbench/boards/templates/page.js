(function () {
  "use strict";
  var all = function (selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); };
  var status = document.getElementById("status");
  function say(text) { if (status) status.textContent = text; }

  // Headings become buttons: a click or a key on one reaches the heading, which sorts.
  all("table.sortable thead th:not(.no-sort)").forEach(function (heading) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    while (heading.firstChild) button.appendChild(heading.firstChild);
    heading.appendChild(button);
  });
  document.addEventListener("sort-end", function (event) {
    var heading = event.target.querySelector("th[aria-sort]");
    if (heading) say("sorted by " + heading.textContent.trim() + ", " + heading.getAttribute("aria-sort"));
  });

  // What bears an attribute is hidden where its value is not the chosen one.
  var filters = all("select[data-filter]");
  function apply() {
    var chosen = {};
    filters.forEach(function (each) { chosen[each.dataset.filter] = each.value; });
    all("[data-preset], [data-source], [data-trust]", document.querySelector("main")).forEach(function (each) {
      each.hidden = ["preset", "source", "trust"].some(function (name) {
        return chosen[name] && each.dataset[name] !== undefined && each.dataset[name] !== chosen[name];
      });
    });
    all("section.board, section.preset").forEach(function (each) {
      var rows = all("tbody tr[data-trust]", each);
      var none = each.querySelector(".none");
      if (none) none.hidden = !rows.length || rows.some(function (row) { return !row.hidden; });
    });
    var shown = all("tbody tr[data-trust]").filter(function (row) { return row.offsetParent !== null; }).length;
    say(shown + " rows shown");
  }
  filters.forEach(function (each) { each.addEventListener("change", apply); });
  all(".filters").forEach(function (each) {
    each.hidden = false;
    each.addEventListener("reset", function () { setTimeout(apply, 0); });
  });

  // Copying: the clipboard where the browser lends it, a selection where it does not (a page from a file).
  function copied(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    var area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    document.body.appendChild(area);
    area.select();
    var done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("the browser does not copy"));
  }
  all("button.copy").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var text = document.getElementById(button.dataset.copies).textContent;
      copied(text).then(function () { button.textContent = "copied"; say("copied"); },
                        function () { button.textContent = "select it"; say("the browser does not copy"); });
      setTimeout(function () { button.textContent = "copy"; }, 2000);
    });
  });

  // Moving pictures: one lead time after the other, from a button; they wait where motion is not wanted.
  all(".player").forEach(function (player) {
    var slider = player.querySelector("input"), button = player.querySelector("button"), output = player.querySelector("output");
    var times = player.dataset.times.split(" "), timer = null;
    function show(k) {
      slider.value = k;
      player.style.setProperty("--k", k);
      output.textContent = "+" + times[k];
      slider.setAttribute("aria-valuetext", "lead time " + times[k]);
    }
    function stop() { clearInterval(timer); timer = null; button.textContent = "play"; }
    function play() {
      button.textContent = "pause";
      timer = setInterval(function () { show((+slider.value + 1) % times.length); }, 1000 / 6);
    }
    button.addEventListener("click", function () { if (timer) stop(); else play(); });
    slider.addEventListener("input", function () { if (timer) stop(); show(+slider.value); });
    player.querySelector(".controls").hidden = times.length < 2;
    show(0);
  });

  // A link to a folded part opens it.
  function unfold() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    if (target) target.scrollIntoView();
  }
  window.addEventListener("hashchange", unfold);
  unfold();
})();

"use strict";
(function () {
  const MOST_ROWS = 60, FEW_ROWS = 12, SCROLLED = 20, FEW_COLUMNS = 9;
  const order = new Intl.Collator("en", { numeric: true });
  // rules that hide columns: cheaper than a mark in each cell of a long table
  const rules = document.querySelector("style").sheet;

  function make(name, text, parent) {
    const element = document.createElement(name);
    element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  function number(text) {
    const found = /^[+−-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?/i.exec(text);
    return found ? Number(found[0].replace(/,/g, "").replace("−", "-")) : NaN;
  }

  function sort(table, column, head) {
    const body = table.tBodies[0], down = head.getAttribute("aria-sort") !== "descending" && column > 0 ||
      head.getAttribute("aria-sort") === "ascending";
    const rows = Array.from(body.rows, function (row) {
      const text = row.cells[column].textContent;
      return { row: row, text: text, number: number(text) };
    });
    const numeric = column > 0 && rows.every(function (each) { return !each.text || !isNaN(each.number); });
    rows.sort(function (a, b) {
      if (!a.text || !b.text) return !a.text - !b.text;
      const rise = numeric ? a.number - b.number : order.compare(a.text, b.text);
      return down ? -rise : rise;
    });
    table.querySelectorAll("[aria-sort]").forEach(function (each) { each.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append.apply(body, rows.map(function (each) { return each.row; }));
  }

  document.querySelectorAll(".table").forEach(function (place, index) {
    const table = place.querySelector("table"), body = table.tBodies[0];
    const heads = Array.from(table.querySelector(".heads").cells), tools = document.createElement("div");
    const scroll = document.createElement("div"), hidden = new Map();
    const groups = Array.from(table.tHead.rows[0].querySelectorAll("[scope=colgroup]"));
    const spans = groups.map(function (group) { return group.colSpan; });
    let all = false, search = null, more = null;
    tools.className = "tools";
    scroll.className = "scroll";
    place.id = "table-" + index;
    table.replaceWith(scroll);
    scroll.append(table);
    place.prepend(tools);

    function show() {
      const wanted = search ? search.value.toLowerCase() : "";
      let n = 0, found = 0;
      for (const row of body.rows) {
        const fits = !wanted || row.cells[0].textContent.toLowerCase().includes(wanted);
        found += fits;
        row.hidden = !fits || !all && n >= MOST_ROWS;
        n += !row.hidden;
      }
      if (more) {
        more.hidden = found <= MOST_ROWS;
        more.textContent = all ? "Show " + MOST_ROWS : "Show all " + found.toLocaleString("en");
      }
    }

    function hide(column, on) {
      heads[column].hidden = on;
      if (on) {
        const rule = "#" + place.id + " tbody tr > :nth-child(" + (column + 1) + ") { display: none }";
        hidden.set(column, rules.cssRules[rules.insertRule(rule, rules.cssRules.length)]);
      } else {
        rules.deleteRule(Array.prototype.indexOf.call(rules.cssRules, hidden.get(column)));
        hidden.delete(column);
      }
      let first = 1;
      groups.forEach(function (group, i) {
        const shown = heads.slice(first, first + spans[i]).filter(function (head) { return !head.hidden; });
        group.hidden = !shown.length;
        group.colSpan = shown.length || 1;
        first += spans[i];
      });
    }

    function name(column) {
      let first = 1;
      for (let i = 0; i < groups.length; first += spans[i++]) {
        if (column < first + spans[i]) return (groups[i].textContent + " " + heads[column].textContent).trim();
      }
      return heads[column].textContent;
    }

    if (body.rows.length > FEW_ROWS) {
      search = make("input", "", tools);
      search.type = "search";
      search.placeholder = "Search " + heads[0].textContent.toLowerCase() + "…";
      search.setAttribute("aria-label", search.placeholder);
      search.addEventListener("input", show);
    }
    if (heads.length > FEW_COLUMNS || table.querySelector("[data-hidden]")) {
      const menu = make("details", "", tools), choices = document.createElement("fieldset");
      make("summary", "Columns", menu);
      menu.append(choices);
      heads.slice(1).forEach(function (head, i) {
        const label = document.createElement("label"), box = document.createElement("input");
        box.type = "checkbox";
        box.checked = !("hidden" in head.dataset);
        label.append(box, " " + name(i + 1));
        choices.append(label);
        box.addEventListener("change", function () { hide(i + 1, !box.checked); });
        if (!box.checked) hide(i + 1, true);
      });
    }
    if (body.rows.length > MOST_ROWS) {
      more = make("button", "", tools);
      more.type = "button";
      more.addEventListener("click", function () { all = !all; show(); });
    }
    if (body.rows.length > SCROLLED) scroll.classList.add("long");
    heads.forEach(function (head, column) {
      if (body.rows.length < 2) return;
      head.tabIndex = 0;
      head.addEventListener("click", function () { sort(table, column, head); show(); });
      head.addEventListener("keydown", function (event) { if (event.key === "Enter") head.click(); });
    });
    if (!tools.childElementCount) tools.remove();
    show();
  });

  document.addEventListener("click", function (event) {
    document.querySelectorAll(".tools details[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.querySelectorAll("figure").forEach(function (figure) {
    const views = Array.from(figure.querySelectorAll(".view")), row = document.createElement("div");
    if (views.length < 2) return;
    row.className = "buttons";
    row.setAttribute("role", "group");
    const buttons = views.map(function (view) {
      const button = make("button", view.dataset.name, row);
      button.type = "button";
      button.title = view.dataset.name;
      button.addEventListener("click", function () { choose(view); });
      return button;
    });
    function choose(chosen) {
      views.forEach(function (view, i) {
        view.hidden = view !== chosen;
        buttons[i].setAttribute("aria-pressed", String(view === chosen));
      });
    }
    figure.prepend(row);
    choose(views[0]);
  });

  // the line of the name under the pointer stands out
  document.querySelectorAll(".legend li").forEach(function (entry) {
    const drawing = entry.closest(".view").querySelector("svg"), name = entry.textContent;
    function mark(on) {
      drawing.classList.toggle("chosen", on);
      if (!on) return;
      drawing.querySelectorAll("g > title").forEach(function (title) {
        title.parentNode.classList.toggle("other", title.textContent !== name);
      });
      drawing.querySelectorAll("use > title").forEach(function (title) {
        title.parentNode.classList.toggle("other", !title.textContent.startsWith(name + ", "));
      });
    }
    entry.addEventListener("pointerenter", function () { mark(true); });
    entry.addEventListener("pointerleave", function () { mark(false); });
  });

  const links = new Map(Array.from(document.querySelectorAll("nav li a"), function (link) {
    return [link.hash.slice(1), link];
  }));
  const seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      links.get(entry.target.id).classList.toggle("here", entry.isIntersecting);
    });
  }, { rootMargin: "-10% 0px -70% 0px" });
  document.querySelectorAll("section").forEach(function (section) { seen.observe(section); });
})();

document.addEventListener("input", function (event) {
  if (!event.target.classList.contains("danq-search")) return;
  var wanted = event.target.value.toLowerCase();
  var table = document.getElementById(event.target.dataset.table);
  if (!table) return;
  table.querySelectorAll("tbody tr").forEach(function (row) {
    var name = row.querySelector("th").textContent.toLowerCase();
    row.style.display = name.indexOf(wanted) < 0 ? "none" : "";
  });
});

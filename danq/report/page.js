document.addEventListener("input", function (event) {
  if (!event.target.classList.contains("danq-search")) return;
  var wanted = event.target.value.toLowerCase();
  var section = event.target.closest(".mqc-module-section");
  section.querySelectorAll("table.mqc_per_sample_table tbody tr").forEach(function (row) {
    var name = row.querySelector("th").textContent.toLowerCase();
    row.style.display = name.indexOf(wanted) < 0 ? "none" : "";
  });
});
document.querySelectorAll(".th-sample-name, .dataset-switch-group > .btn").forEach(function (name) {
  name.title = name.textContent.trim();
});

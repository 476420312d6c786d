"use strict";
const settings = JSON.parse(document.getElementById("data").textContent);
const state = document.getElementById("state");
const region = document.getElementById("region");
igv.createBrowser(document.getElementById("browser"), settings).then((browser) => {
  window.browser = browser;
  state.textContent = "";
  region.addEventListener("change", () => browser.search(region.value));
  document.documentElement.dataset.tracks = browser.trackViews.length;
}).catch((error) => { state.textContent = `igv.js: ${error.message || error}`; });

// Stands first in the report that a test shows: watches what goes wrong, and says at the end what is there to see.
(function () {
  'use strict';
  var seen = {errors: [], blocked: [], alerts: 0};
  window.addEventListener('error', function (event) { seen.errors.push(String(event.message)); }, true);
  window.addEventListener('unhandledrejection', function (event) { seen.errors.push(String(event.reason)); });
  document.addEventListener('securitypolicyviolation', function (event) {
    seen.blocked.push(event.violatedDirective + ' ' + event.blockedURI);
  });
  window.alert = function () { ++seen.alerts; };
  var complain = console.error;
  console.error = function () { seen.errors.push(Array.prototype.join.call(arguments, ' ')); complain.apply(console, arguments); };

  function colour(name) {
    var canvas = document.createElement('canvas');
    var context = canvas.getContext('2d');
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  }

  // How many pixels of a chart have about the colour of one of its lines.
  function painted(canvases, wanted) {
    var count = 0;
    canvases.forEach(function (canvas) {
      var pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      for (var at = 0; at < pixels.length; at += 4) {
        var far = Math.abs(pixels[at] - wanted[0]) + Math.abs(pixels[at + 1] - wanted[1]) + Math.abs(pixels[at + 2] - wanted[2]);
        if (pixels[at + 3] > 120 && far < 30) ++count;
      }
    });
    return count;
  }

  function chart(place) {
    var canvases = Array.prototype.slice.call(place.querySelectorAll('canvas'));
    var legend = document.getElementById(place.id + '-legend');
    var lines = {};
    legend.querySelectorAll('i').forEach(function (mark, at) {
      var name = mark.style.background.replace(/^var\(/, '').replace(/\).*$/, '');
      lines[mark.parentNode.textContent.trim() + '#' + at] = painted(canvases, colour(name));
    });
    var box = place.getBoundingClientRect();
    return {
      width: box.width, height: box.height, canvases: canvases.length, lines: lines,
      smallest: Math.min.apply(null, canvases.map(function (one) { return Math.min(one.width, one.height); }))
    };
  }

  function luminance(text) {
    var parts = text.match(/[\d.]+/g).map(Number);
    return (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255;
  }

  window.addEventListener('load', function () {
    try {
      seen.charts = {};
      document.querySelectorAll('.chart').forEach(function (place) { seen.charts[place.id] = chart(place); });
      seen.text = {};
      document.querySelectorAll('section').forEach(function (part) { seen.text[part.id] = part.innerText; });
      seen.text.verdict = document.querySelector('.verdict').innerText;
      seen.groups = [];
      document.querySelectorAll('#anomalies .group').forEach(function (group) { seen.groups.push(group.innerText); });
      seen.requests = performance.getEntriesByType('resource').map(function (one) { return one.name; });
      seen.elements = {script: document.scripts.length, img: document.images.length, iframe: window.frames.length};
      seen.window = window.innerWidth;
      seen.page = document.documentElement.scrollWidth;
      seen.height = document.documentElement.scrollHeight;
      var style = getComputedStyle(document.body);
      seen.paper = luminance(style.backgroundColor);
      seen.ink = luminance(style.color);
      document.getElementById('theme').click();
      seen.dark = luminance(getComputedStyle(document.body).backgroundColor);
      document.getElementById('theme').click();
      seen.light = luminance(getComputedStyle(document.body).backgroundColor);
    } catch (failure) {
      seen.errors.push('probe: ' + failure);
    }
    var out = document.createElement('script');
    out.type = 'application/json';
    out.id = 'probe';
    out.textContent = JSON.stringify(seen).replace(/</g, '\\u003c');
    document.body.appendChild(out);
  });
})();

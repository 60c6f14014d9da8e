// The charts and the light/dark switch. The page says everything without this script; only the charts need it.
(function () {
  'use strict';
  var root = document.documentElement;
  var data = JSON.parse(document.getElementById('data').textContent);
  var dark = window.matchMedia('(prefers-color-scheme: dark)');
  var charts = [];

  function colour(name) { return getComputedStyle(root).getPropertyValue('--' + name).trim(); }

  function isDark() { return root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches; }

  function shade(context, area, chart) {
    data.windows.forEach(function (window_) {
      [['start', 'undo', 'force'], ['undo', 'end', 'back']].forEach(function (part) {
        var left = Math.max(chart.toDomXCoord(window_[part[0]]), area.x);
        var right = Math.min(chart.toDomXCoord(window_[part[1]]), area.x + area.w);
        if (right <= left) return;
        context.fillStyle = colour(part[2]);
        context.fillRect(left, area.y, Math.max(right - left, 1), area.h);
      });
      var start = chart.toDomXCoord(window_.start);
      if (start < area.x || start > area.x + area.w) return;
      context.fillStyle = colour('bad');
      context.fillRect(start, area.y, 1, area.h);
      context.font = '600 12px system-ui, sans-serif';
      context.textBaseline = 'top';
      var width = context.measureText(window_.name).width;
      var fits = start + 6 + width < area.x + area.w;
      context.textAlign = fits ? 'left' : 'right';
      context.fillText(window_.name, fits ? start + 6 : start - 6, area.y + 4);
    });
  }

  function number(value) { return value.toLocaleString('en-US', {maximumFractionDigits: 0}); }

  function latency(value) {
    if (value < 9.95) return value.toFixed(1) + ' ms';
    return value < 999.5 ? value.toFixed(0) + ' ms' : (value / 1000).toFixed(2) + ' s';
  }

  function latencyTick(value) { return value < 1000 ? +value.toPrecision(3) + ' ms' : +(value / 1000).toPrecision(3) + ' s'; }

  // Text nodes only: nothing here becomes markup.
  function legend(place, names, titles, show) {
    return function (moment) {
      place.textContent = '';
      if (moment.x !== undefined) add('', 'from ' + Math.floor(moment.x) + ' to ' + Math.ceil(moment.x) + ' s', '');
      moment.series.forEach(function (one, at) {
        add(names[at], titles[at], moment.x === undefined || one.y === undefined || one.y === null ? '' : show(one.y));
      });
      return '';
    };
    function add(name, title, value) {
      var item = place.appendChild(document.createElement('span'));
      if (name) item.appendChild(document.createElement('i')).style.background = 'var(--' + name + ')';
      item.appendChild(document.createTextNode(title + ' '));
      item.appendChild(document.createElement('b')).textContent = value;
    }
  }

  // Whole powers of ten around all that is drawn.
  function decades(rows) {
    var low = Infinity, high = 0;
    rows.forEach(function (row) {
      row.slice(1).forEach(function (value) {
        if (value > 0) { low = Math.min(low, value); high = Math.max(high, value); }
      });
    });
    if (high === 0) return [0.1, 10];
    low = Math.floor(Math.log10(low));
    return [Math.pow(10, low), Math.pow(10, Math.max(Math.ceil(Math.log10(high)), low + 1))];
  }

  function decadeTicks(from, to) {
    var ticks = [];
    for (var power = Math.ceil(Math.log10(from) - 1e-9); power <= Math.log10(to) + 1e-9; ++power) {
      ticks.push({v: Math.pow(10, power), label: latencyTick(Math.pow(10, power))});
    }
    return ticks;
  }

  // `names` are those of the colours, `titles` what the legend says: it may be any text that a queue is called by.
  function draw(id, rows, names, titles, show, y, more) {
    var place = document.getElementById(id);
    if (!place || rows.length === 0) return;
    var options = {
      labels: ['second'].concat(names), colors: names.map(colour), strokeWidth: 2, drawGapEdgePoints: true, pointSize: 2.5,
      highlightCircleSize: 4, gridLineColor: colour('grid'), axisLineColor: colour('line'), axisLabelFontSize: 12,
      gridLineWidth: 1, underlayCallback: shade, labelsDiv: document.createElement('div'), legend: 'always',
      legendFormatter: legend(document.getElementById(id + '-legend'), names, titles, show), rightGap: 8,
      axes: {
        x: {axisLabelFormatter: function (x) { return +x.toFixed(2) + ' s'; }, pixelsPerLabel: 38},
        y: y
      },
      drawCallback: follow
    };
    Object.keys(more).forEach(function (key) { options[key] = more[key]; });
    // A point stands for a whole second: in its middle, so that it does not seem to come before its cause.
    var points = rows.map(function (row) { return [row[0] + 0.5].concat(row.slice(1)); });
    charts.push({chart: new Dygraph(place, points, options), names: names});
  }

  // All charts show the same seconds: zooming one zooms the others.
  var following = false;
  function follow(chart, first) {
    if (first || following) return;
    following = true;
    charts.forEach(function (other) {
      if (other.chart !== chart) other.chart.updateOptions({dateWindow: chart.isZoomed('x') ? chart.xAxisRange() : null});
    });
    following = false;
  }

  function recolour() {
    following = true;
    charts.forEach(function (one) {
      one.chart.updateOptions({colors: one.names.map(colour), gridLineColor: colour('grid'), axisLineColor: colour('line')});
    });
    following = false;
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', 'Switch to the ' + (isDark() ? 'light' : 'dark') + ' theme');
  }

  var button = document.getElementById('theme');
  button.hidden = false;
  button.addEventListener('click', function () {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    recolour();
  });
  dark.addEventListener('change', recolour);

  function countAxis() {
    return {axisLabelFormatter: function (value) { return value % 1 === 0 ? number(value) : ''; }, axisLabelWidth: 58, pixelsPerLabel: 34};
  }

  // Room above the line for the faults' names, and at least up to one: where nothing happened, the line lies on the ground.
  function fromZero(rows) {
    var high = 1;
    rows.forEach(function (row) { row.slice(1).forEach(function (value) { high = Math.max(high, value); }); });
    return [0, high * 1.3];
  }

  draw('rates', data.rates, ['published', 'confirmed', 'delivered'], ['published', 'confirmed', 'delivered'], number,
       countAxis(), {includeZero: true});
  var latencies = data.latency.length > 0 && data.latency[0].length > 3 ? ['p50', 'p99', 'callers'] : ['p50', 'p99'];
  draw('latency', data.latency, latencies, latencies, latency, {ticker: decadeTicks, axisLabelWidth: 58},
       {logscale: true, valueRange: decades(data.latency)});
  draw('depth', data.depth, data.queues.map(function (name, at) { return 'queue-' + (at + 1); }), data.queues, number,
       countAxis(), {valueRange: fromZero(data.depth)});
  draw('connections', data.connections, ['open', 'blocked'], ['open', 'blocked'], number, countAxis(), {valueRange: fromZero(data.connections)});
  draw('retries', data.retries, ['retries'], ['retries'], number, countAxis(), {valueRange: fromZero(data.retries), fillGraph: true});
  recolour();

  var closed = [];
  window.addEventListener('beforeprint', function () {
    closed = Array.prototype.filter.call(document.querySelectorAll('details.anomaly'), function (one) { return !one.open; });
    closed.forEach(function (one) { one.open = true; });
  });
  window.addEventListener('afterprint', function () { closed.forEach(function (one) { one.open = false; }); });
})();

// Charts: lines, points and error bars on one pair of axes, drawn as SVG as wide as their place.
const SVG = 'http://www.w3.org/2000/svg';
const node = (name, attributes, parent, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
};

// Smallest and largest; a call with every value as an argument would overflow the stack.
const ends = values => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);

// Round numbers that divide [low, high] into a few parts.
const ticks = (low, high, wanted) => {
  const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return found.map(v => [v, (Math.abs(v) < step * 1e-6 ? 0 : v).toFixed(Math.min(digits, 8))]);
};
const decades = (low, high) => {
  const found = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    for (const m of [1, 2, 5]) {
      const v = m * 10 ** p;
      if (v >= low * 0.999 && v <= high * 1.001) found.push([v, String(Number(v.toPrecision(2)))]);
    }
  return found;
};

// spec: {x, y: labels, log, square, series: [{x, y, sigma, name, colour, dash, points, faint}], marks: [{x, name, colour}]}
const chart = (host, spec) => {
  const width = Math.max(260, Math.min(host.clientWidth || 480, 760));
  const height = spec.square ? width * 0.92 : Math.max(210, Math.min(330, width * 0.62));
  const box = {left: 58, right: 14, top: 10, bottom: 46};
  host.replaceChildren();
  const svg = node('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${spec.y} over ${spec.x}`});
  const finite = v => v !== null && Number.isFinite(v) && (!spec.log || v > 0);
  const xs = [], ys = [];
  for (const s of spec.series) s.x.forEach((x, i) => {
    if (x === null || !finite(s.y[i])) return;
    const e = s.sigma && finite(s.sigma[i]) ? s.sigma[i] : 0;
    xs.push(x); ys.push(s.y[i] + e); ys.push(spec.log ? s.y[i] : s.y[i] - e);
  });
  if (!xs.length) { host.textContent = 'nothing to show'; return; }
  let [x0, x1] = spec.xlim || ends(xs), [y0, y1] = spec.ylim || ends(ys);
  if (x0 === x1) { x0 -= 0.5; x1 += 0.5; }
  if (y0 === y1) { y0 -= spec.log ? y0 / 2 : 0.5; y1 += spec.log ? y1 : 0.5; }
  if (!spec.ylim && !spec.log) { const rim = 0.05 * (y1 - y0); y0 -= rim; y1 += rim; }
  if (!spec.ylim && spec.log) { y0 *= 0.85; y1 *= 1.15; }
  const w = width - box.left - box.right, h = height - box.top - box.bottom;
  if (spec.square) {
    const scale = Math.max((x1 - x0) / w, (y1 - y0) / h) * 1.05, mx = (x0 + x1) / 2, my = (y0 + y1) / 2;
    [x0, x1, y0, y1] = [mx - scale * w / 2, mx + scale * w / 2, my - scale * h / 2, my + scale * h / 2];
  }
  const f = v => spec.log ? Math.log10(v) : v;
  const px = x => box.left + (x - x0) / (x1 - x0) * w, py = y => box.top + (1 - (f(y) - f(y0)) / (f(y1) - f(y0))) * h;
  const text = {'font-size': 12, fill: '#16202a', 'font-family': 'inherit'};
  for (const [v, label] of ticks(x0, x1, Math.max(3, Math.min(7, w / 80)))) {
    node('line', {x1: px(v), x2: px(v), y1: box.top, y2: box.top + h, stroke: '#e3e8ed'}, svg);
    node('text', {...text, x: px(v), y: box.top + h + 16, 'text-anchor': 'middle'}, svg, label);
  }
  for (const [v, label] of spec.log ? decades(y0, y1) : ticks(y0, y1, 5)) {
    node('line', {x1: box.left, x2: box.left + w, y1: py(v), y2: py(v), stroke: '#e3e8ed'}, svg);
    node('text', {...text, x: box.left - 6, y: py(v) + 4, 'text-anchor': 'end'}, svg, label);
  }
  node('rect', {x: box.left, y: box.top, width: w, height: h, fill: 'none', stroke: '#55626f'}, svg);
  node('text', {...text, 'font-size': 13, x: box.left + w / 2, y: height - 8, 'text-anchor': 'middle'}, svg, spec.x);
  node('text', {...text, 'font-size': 13, x: 14, y: box.top + h / 2, 'text-anchor': 'middle',
    transform: `rotate(-90 14 ${box.top + h / 2})`}, svg, spec.y);
  for (const m of spec.marks || []) if (m.x >= x0 && m.x <= x1)
    node('line', {x1: px(m.x), x2: px(m.x), y1: box.top, y2: box.top + h, stroke: m.colour || '#55626f',
      'stroke-width': 1.5, 'stroke-dasharray': '3 3'}, svg);
  const clip = `clip${chart.count = (chart.count || 0) + 1}`;
  node('rect', {x: box.left, y: box.top, width: w, height: h}, node('clipPath', {id: clip}, node('defs', {}, svg)));
  const group = node('g', {'clip-path': `url(#${clip})`}, svg);
  for (const s of spec.series) {
    const dots = s.x.map((x, i) => x !== null && finite(s.y[i]) ? [px(x), py(s.y[i]), i] : null);
    const opacity = s.faint ? 0.45 : 1;
    if (s.sigma) for (const d of dots) if (d && finite(s.sigma[d[2]])) {
      const e = s.sigma[d[2]], v = s.y[d[2]];
      node('line', {x1: d[0], x2: d[0], y1: py(v - e), y2: py(v + e), stroke: s.colour, opacity: 0.55 * opacity}, group);
    }
    if (s.points !== 'only') {
      let path = '', pen = false;
      for (const d of dots) { if (d) path += `${pen ? 'L' : 'M'}${d[0].toFixed(1)} ${d[1].toFixed(1)}`; pen = Boolean(d); }
      node('path', {d: path, fill: 'none', stroke: s.colour, 'stroke-width': s.faint ? 1.2 : 2, opacity,
        'stroke-dasharray': s.dash || 'none'}, group);
    }
    if (s.points) for (const d of dots) if (d)
      node('circle', {cx: d[0], cy: d[1], r: s.radius || 2.6, fill: s.colour, opacity}, group);
  }
  host.appendChild(svg);
  const legend = document.createElement('div');
  legend.className = 'legend';
  for (const s of [...spec.series, ...(spec.marks || []).map(m => ({...m, dash: '3 3', colour: m.colour || '#55626f'}))])
    if (s.name) {
      const item = document.createElement('span'), key = node('svg', {viewBox: '0 0 26 10'});
      if (s.points !== 'only') node('line', {x1: 0, x2: 26, y1: 5, y2: 5, stroke: s.colour, 'stroke-width': s.faint ? 1 : 2.5, opacity: s.faint ? 0.5 : 1, 'stroke-dasharray': s.dash || 'none'}, key);
      if (s.points) node('circle', {cx: 13, cy: 5, r: 3, fill: s.colour}, key);
      item.append(key, s.name);
      legend.appendChild(item);
    }
  host.appendChild(legend);
};

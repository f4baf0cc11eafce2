// The page: what was chosen stands in the address, so that it is kept when the page loads itself again.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const BLUE = '#0072b2', RED = '#d55e00', SOFT = '#55626f';
const PAIR = [BLUE, RED, '#009e73', '#4a4a4a'], DASH = ['none', '7 4', '2 3', '9 3 2 3'];
const chosen = new URLSearchParams(location.hash.slice(1));
const keep = (name, value) => {
  if (value === null) chosen.delete(name); else chosen.set(name, value);
  history.replaceState(null, '', `#${chosen}`);
};
const number = (name, fallback) => chosen.has(name) && Number.isFinite(Number(chosen.get(name))) ? Number(chosen.get(name)) : fallback;
const redraw = [];
const every = draw => { redraw.push(draw); draw(); };
const fixed = (value, digits) => value === null ? '–' : value.toFixed(digits);

const scans = () => {
  const pick = $('scan');
  if (!pick) return;
  const show = () => {
    const scan = data.scans.find(s => s.entry === pick.value) || data.scans[0];
    pick.value = scan.entry;
    for (const kind of ['phase', 'modulus']) {
      $(kind).src = scan[kind];
      scaleBar($(`${kind}-bar`), scan.width);
      ramp($(`${kind}-ramp`), data.tables[data.ranges[kind].table], data.ranges[kind].low, data.ranges[kind].high, data.ranges[kind].unit);
    }
    $('scan-title').textContent = scan.title;
    $('modes').replaceChildren(...scan.probe.map((mode, i) => {
      const figure = document.createElement('figure'), caption = document.createElement('figcaption'), image = new Image(), bar = document.createElement('div');
      figure.className = 'small';
      caption.textContent = `mode ${i + 1}: ${mode.power} %`;
      image.src = mode.image; image.className = 'picture'; image.alt = `modulus of probe mode ${i + 1}`;
      bar.className = 'scale';
      figure.append(caption, image, bar);
      scaleBar(bar, scan.probeWidth);
      return figure;
    }));
    for (const row of document.querySelectorAll('tr[data-scan]')) row.classList.toggle('chosen', row.dataset.scan === scan.entry);
    chart($('convergence'), {x: 'iteration', y: 'Fourier error', log: true, series: [
      ...data.scans.filter(s => s !== scan).map((s, i) => ({x: s.error.map((_, k) => k + 1), y: s.error, colour: SOFT, faint: true, name: i ? '' : 'the other scans'})),
      {x: scan.error.map((_, k) => k + 1), y: scan.error, colour: BLUE, name: scan.entry, points: scan.error.length < 40}]});
    const moved = scan.nominal ? [{x: scan.nominal.x, y: scan.nominal.y, colour: RED, points: 'only', radius: 4, name: 'as measured by the stage', faint: true}] : [];
    chart($('positions'), {x: 'x (µm)', y: 'y (µm)', square: true, series: [...moved,
      {x: scan.x, y: scan.y, colour: BLUE, points: 'only', radius: 2, name: scan.nominal ? 'as used' : 'centre of the probe'}]});
    $('positions-note').textContent = scan.moved;
  };
  if (chosen.has('scan')) pick.value = chosen.get('scan');
  pick.addEventListener('change', () => { keep('scan', pick.value); show(); });
  for (const row of document.querySelectorAll('tr[data-scan]')) row.addEventListener('click', () => {
    pick.value = row.dataset.scan; keep('scan', pick.value); show(); $('scans').scrollIntoView();
  });
  every(show);
};

const rings = () => data.curves.forEach((curve, i) => every(() => chart($(`frc-${i}`), {
  x: 'spatial frequency (1/µm)', y: 'correlation', ylim: [Math.min(-0.1, ...curve.c.filter(Number.isFinite)), 1.05],
  series: [{x: curve.f, y: curve.c, colour: BLUE, name: curve.image},
    ...(curve.t ? [{x: curve.f, y: curve.t, colour: RED, dash: '6 4', name: curve.threshold}] : [])],
  marks: curve.at ? [{x: curve.at, name: curve.half}] : []})));

const shifts = () => data.shifts.forEach((set, i) => ['y', 'x'].forEach((axis, k) => every(() => chart($(`shift-${i}-${axis}`), {
  x: 'photon energy (eV)', y: `shift along ${axis} (nm)`, series: set.angles.map((angle, p) => ({
    x: set.energies, y: set.shift[p].map(s => s[k]), sigma: set.sigma[p].map(s => s[k]), colour: PAIR[p % 4], dash: DASH[p % 4], points: true,
    name: `${angle.toFixed(1)}°`}))}))));

const tint = (a, b) => (Math.round(255 * b) << 16) | (Math.round(255 * a) << 8) | Math.round(255 * Math.min(1, a + b));

const stack = async () => {
  const pick = $('quantity');
  if (!pick) return;
  const slider = $('energy'), stretch = $('stretch'), outlines = $('outlines');
  const codes = [], label = [];
  let at = 0, pictures = [], blend = null, pixel = null, grain = null;
  const load = async () => {
    at = Math.max(0, Math.min(data.stacks.length - 1, Number(pick.value)));
    const s = data.stacks[at];
    codes[at] = codes[at] || (s.bits === 16 ? new Uint16Array((await unpack(s.blob)).buffer) : await unpack(s.blob));
    label[at] = label[at] || (s.label === null ? null : new Uint16Array((await unpack(data.labels[s.label])).buffer));
    slider.max = s.energies.length - 1;
    slider.value = Math.min(number('e', s.start), s.energies.length - 1);
    const make = (caption, id) => {
      const figure = document.createElement('figure'), head = document.createElement('figcaption'), canvas = document.createElement('canvas'), bar = document.createElement('div');
      head.textContent = caption; canvas.className = 'picture click'; canvas.id = id; bar.className = 'scale';
      canvas.setAttribute('role', 'img'); canvas.setAttribute('aria-label', caption);
      figure.append(head, canvas, bar);
      scaleBar(bar, s.width * s.pixel[1]);
      $('images').appendChild(figure);
      const picture = new Picture(canvas, s.width, s.height, label[at]);
      canvas.addEventListener('click', event => { choose(picture.at(event)); });
      return picture;
    };
    $('images').replaceChildren();
    pictures = s.angles.map((angle, p) => make(`E at ${angle.toFixed(1)}° from x`, `image-${p}`));
    blend = s.pair ? make(`cyan: ${s.angles[s.pair[0]].toFixed(1)}°, magenta: ${s.angles[s.pair[1]].toFixed(1)}°`, 'blend') : null;
    outlines.parentElement.hidden = !label[at];
    show();
  };
  const plane = (s, p, e) => (p * s.energies.length + e) * s.width * s.height;
  const show = () => {
    const s = data.stacks[at], e = Number(slider.value), table = data.tables[s.table], c = codes[at];
    const [low, high] = stretch.checked ? s.levels[e] : s.contrast;
    const scaled = k => Math.max(0, Math.min(1, (k - low) / (high - low)));
    $('energy-text').textContent = `${s.energies[e].toFixed(1)} eV`;
    const unknown = data.tables.gray[0];
    pictures.forEach((picture, p) => {
      const from = plane(s, p, e);
      picture.draw(i => c[from + i] ? table[1 + Math.round(254 * scaled(c[from + i]))] : unknown, outlines.checked, pixel);
    });
    if (blend) {
      const [a, b] = s.pair.map(p => plane(s, p, e));
      blend.draw(i => c[a + i] && c[b + i] ? tint(scaled(c[a + i]), scaled(c[b + i])) : unknown, outlines.checked, pixel);
    }
    const value = k => s.low + s.step * (k - 1);
    ramp($('stack-ramp'), table, value(low), value(high), s.unit);
    $('stack-note').textContent = s.note;
    spectrum();
  };
  const spectrum = () => {
    const s = data.stacks[at], c = codes[at], series = [];
    const name = p => `${s.angles[p].toFixed(1)}°`;
    if (pixel) s.angles.forEach((_, p) => series.push({name: `pixel, ${name(p)}`, x: s.energies, colour: PAIR[p % 4], dash: DASH[p % 4], points: true,
      y: s.energies.map((_, e) => { const k = c[plane(s, p, e) + pixel[1] * s.width + pixel[0]]; return k ? s.low + s.step * (k - 1) : null; })}));
    const row = grain && s.grains ? s.grains.ids.indexOf(grain) : -1;
    if (row >= 0) s.angles.forEach((_, p) => series.push({name: `grain ${grain}, ${name(p)}`, x: s.energies, y: s.grains.mean[row][p], sigma: s.grains.sigma[row][p],
      colour: PAIR[p % 4], dash: DASH[p % 4], faint: Boolean(pixel)}));
    const where = pixel ? `Spectrum at pixel (${pixel[0]}, ${pixel[1]}), x ${fixed((s.origin[1] + pixel[0] * s.pixel[1]) * 1e6, 3)} µm, y ${fixed((s.origin[0] + pixel[1] * s.pixel[0]) * 1e6, 3)} µm` : row >= 0 ? 'Spectrum' : '';
    $('spectrum-title').textContent = where ? `${where}${row >= 0 ? `, grain ${grain}` : pixel && label[at] ? ', no grain' : ''}` : 'Spectrum: click a pixel or a grain';
    if (!series.length) { $('spectrum').textContent = 'Nothing is chosen yet.'; return; }
    chart($('spectrum'), {x: 'photon energy (eV)', y: s.unit ? `${s.name} (${s.unit})` : s.name, series, marks: [{x: s.energies[Number(slider.value)]}]});
  };
  const choose = where => {
    const s = data.stacks[at];
    pixel = where;
    grain = where && label[at] ? label[at][where[1] * s.width + where[0]] || null : grain;
    keep('px', where ? where.join(',') : null);
    keep('g', grain);
    mark();
    show();
  };
  const mark = () => { for (const row of document.querySelectorAll('tr[data-grain]')) row.classList.toggle('chosen', Number(row.dataset.grain) === grain); };
  const stored = (chosen.get('px') || '').split(',').map(Number);
  if (chosen.has('q')) pick.value = chosen.get('q');
  if (pick.selectedIndex < 0) pick.selectedIndex = 0;
  const first = data.stacks[Number(pick.value)];
  if (chosen.has('px') && stored.length === 2 && stored.every(Number.isInteger) && stored[0] >= 0 && stored[0] < first.width && stored[1] >= 0 && stored[1] < first.height) pixel = stored;
  grain = number('g', null);
  stretch.checked = chosen.get('stretch') === '1';
  slider.addEventListener('input', () => { keep('e', slider.value); show(); });
  pick.addEventListener('change', async () => { keep('q', pick.value); if (data.stacks[at].width !== data.stacks[Number(pick.value)].width || data.stacks[at].height !== data.stacks[Number(pick.value)].height) pixel = null; await load(); });
  stretch.addEventListener('change', () => { keep('stretch', stretch.checked ? '1' : null); show(); });
  outlines.addEventListener('change', show);
  let timer = null;
  $('play').addEventListener('click', () => {
    if (timer) { clearInterval(timer); timer = null; } else timer = setInterval(() => {
      slider.value = (Number(slider.value) + 1) % (Number(slider.max) + 1); keep('e', slider.value); show();
    }, 350);
    $('play').textContent = timer ? 'Pause' : 'Play';
  });
  for (const row of document.querySelectorAll('tr[data-grain]')) row.addEventListener('click', () => {
    grain = Number(row.dataset.grain); pixel = null; keep('px', null); keep('g', grain); mark(); show(); $('spectrum-title').scrollIntoView({block: 'center'});
  });
  await load();
  mark();
  redraw.push(spectrum);
};

const grains = async () => {
  for (const [i, map] of data.grains.entries()) {
    const labels = new Uint16Array((await unpack(data.labels[map.label])).buffer);
    for (const kind of ['composite', 'direction']) {
      const canvas = $(`${kind}-${i}`);
      if (!canvas) continue;
      if (kind === 'direction') ramp($(`direction-ramp-${i}`), data.tables.twilight, 0, 180, '°');
      const rgb = await unpack(map[kind]), picture = new Picture(canvas, map.width, map.height, labels);
      picture.draw(k => (rgb[3 * k] << 16) | (rgb[3 * k + 1] << 8) | rgb[3 * k + 2], true, null);
      picture.number(map.centres);
      scaleBar($(`${kind}-bar-${i}`), map.width * map.pixel[1]);
    }
  }
};

const others = () => {
  data.doses.forEach((dose, i) => {
    $(`dose-${i}`).src = dose.image;
    scaleBar($(`dose-bar-${i}`), dose.width);
    ramp($(`dose-ramp-${i}`), data.tables.magma, 0, dose.high, dose.unit);
  });
  data.spectra.forEach((s, i) => every(() => chart($(`measured-${i}`), {
    x: 'photon energy (eV)', y: s.label, series: [{x: s.e, y: s.a, colour: BLUE, name: s.name}]})));
};

const redo = () => { for (const button of document.querySelectorAll('button[data-copy]')) button.addEventListener('click', async () => {
  const text = $(button.dataset.copy).textContent;
  getSelection().selectAllChildren($(button.dataset.copy));
  try { await navigator.clipboard.writeText(text); button.textContent = 'Copied'; } catch { button.textContent = 'Selected'; }
}); };

const live = () => {
  if (!data.live) return;
  const pause = $('pause'), written = Date.parse(data.live.written);
  setInterval(() => {
    const age = Math.round((Date.now() - written) / 1000);
    $('age').textContent = age < 120 ? `${age} s ago` : `${Math.round(age / 60)} min ago`;
    $('live').classList.toggle('stale', age > data.live.stale);
  }, 1000);
  setInterval(() => { if (!pause.checked) location.reload(); }, 1000 * data.live.every);
};

// Rows that can be clicked can be reached and chosen by keys as well.
for (const row of document.querySelectorAll('tr[tabindex]')) row.addEventListener('keydown', event => {
  if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); row.click(); }
});

let width = innerWidth, later = null;
addEventListener('resize', () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(later);
  later = setTimeout(() => redraw.forEach(draw => draw()), 150);
});
(async () => {
  scans(); rings(); shifts(); others(); redo(); live();
  await grains();
  await stack();
  document.documentElement.dataset.ready = '1';
})();

// Pictures: bytes that were deflated, colour tables, and canvases with outlines of grains and a mark.
const unpack = async text => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// Row 0 of the data is the lowest of the picture: y grows upwards.
class Picture {
  constructor(canvas, width, height, label) {
    Object.assign(this, {canvas, width, height, label, zoom: Math.max(1, Math.ceil(500 / Math.max(width, height)))});
    canvas.width = width * this.zoom;
    canvas.height = height * this.zoom;
    this.small = document.createElement('canvas');
    this.small.width = width;
    this.small.height = height;
    this.image = new ImageData(width, height);
  }

  // colour(i) gives the bytes of pixel i = y * width + x as 0xRRGGBB.
  draw(colour, outlines, mark) {
    const {width, height, zoom, image} = this;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const c = colour(y * width + x), at = 4 * ((height - 1 - y) * width + x);
      image.data[at] = c >> 16; image.data[at + 1] = (c >> 8) & 255; image.data[at + 2] = c & 255; image.data[at + 3] = 255;
    }
    this.small.getContext('2d').putImageData(image, 0, 0);
    const pen = this.canvas.getContext('2d');
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.small, 0, 0, width * zoom, height * zoom);
    if (outlines && this.label) this.outline(pen);
    if (mark) this.cross(pen, mark);
  }

  outline(pen) {
    const {width, height, zoom, label} = this;
    pen.beginPath();
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const here = label[y * width + x], right = (x + 1) * zoom, top = (height - 1 - y) * zoom;
      if (x + 1 < width && label[y * width + x + 1] !== here) { pen.moveTo(right, top); pen.lineTo(right, top + zoom); }
      if (y + 1 < height && label[(y + 1) * width + x] !== here) { pen.moveTo(x * zoom, top); pen.lineTo(right, top); }
    }
    pen.strokeStyle = '#000'; pen.lineWidth = 3; pen.stroke();
    pen.strokeStyle = '#fff'; pen.lineWidth = 1.4; pen.stroke();
  }

  number(centres) {
    const pen = this.canvas.getContext('2d'), {zoom, height} = this;
    pen.font = 'bold 17px sans-serif'; pen.textAlign = 'center'; pen.textBaseline = 'middle';
    for (const [text, y, x] of centres) {
      const at = [(x + 0.5) * zoom, (height - y - 0.5) * zoom];
      pen.strokeStyle = '#000'; pen.lineWidth = 4; pen.strokeText(text, ...at);
      pen.fillStyle = '#fff'; pen.fillText(text, ...at);
    }
  }

  cross(pen, [x, y]) {
    const cx = (x + 0.5) * this.zoom, cy = (this.height - y - 0.5) * this.zoom, r = Math.max(9, this.zoom);
    for (const [colour, line] of [['#000', 5], ['#fff', 2]]) {
      pen.strokeStyle = colour; pen.lineWidth = line; pen.beginPath(); pen.arc(cx, cy, r, 0, 2 * Math.PI);
      for (const [a, b] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(cx + a * r, cy + b * r); pen.lineTo(cx + a * 2 * r, cy + b * 2 * r); }
      pen.stroke();
    }
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / box.width * this.width);
    const y = this.height - 1 - Math.floor((event.clientY - box.top) / box.height * this.height);
    return [Math.max(0, Math.min(this.width - 1, x)), Math.max(0, Math.min(this.height - 1, y))];
  }
}

// A bar of a round length below a picture that is `metres` wide.
const scaleBar = (host, metres) => {
  const lengths = [1, 2, 5].flatMap(m => [...Array(9).keys()].map(p => m * 10 ** (p - 9))).sort((a, b) => a - b);
  const length = lengths.filter(l => l <= 0.34 * metres).pop() || lengths[0];
  const svg = node('svg', {role: 'img', 'aria-label': 'scale bar', width: `${100 * length / metres}%`, preserveAspectRatio: 'none', viewBox: '0 0 10 6'});
  node('rect', {x: 0, y: 0, width: 10, height: 6, fill: '#16202a'}, svg);
  svg.style.flex = '0 0 auto';
  svg.style.width = `${100 * length / metres}%`;
  const text = document.createElement('span');
  text.textContent = length >= 0.999e-6 ? `${Number((length * 1e6).toPrecision(3))} µm` : `${Number((length * 1e9).toPrecision(3))} nm`;
  host.replaceChildren(svg, text);
};

// A colour table between two numbers.
const ramp = (host, table, low, high, unit) => {
  const canvas = document.createElement('canvas');
  canvas.width = 255; canvas.height = 1; canvas.className = 'ramp';
  const image = new ImageData(255, 1);
  for (let i = 0; i < 255; i++) {
    const c = table[i + 1];
    image.data.set([c >> 16, (c >> 8) & 255, c & 255, 255], 4 * i);
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
  const digits = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(Math.abs(high - low) || 1))));
  const [a, b] = [low, high].map(v => {
    const text = document.createElement('span');
    text.textContent = `${v.toFixed(digits)}${unit ? ' ' + unit : ''}`.replace(/^-(0\.?0*)($| )/, '$1$2');
    return text;
  });
  host.replaceChildren(a, canvas, b);
};

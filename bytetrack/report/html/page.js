"use strict";
(() => {
  const root = document.documentElement;
  window.addEventListener("error", (event) => { root.dataset.errors = `${root.dataset.errors || ""}${event.message};`; });
  const data = JSON.parse(document.getElementById("data").textContent);

  // Tooltips: anything with data-tip, and the canvases through show().
  const tip = document.getElementById("tip");
  const show = (text, x, y) => {
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 8))}px`;
    tip.style.top = `${y + 16 + height > innerHeight ? y - height - 10 : y + 16}px`;
  };
  document.addEventListener("pointermove", (event) => {
    if (event.target instanceof HTMLCanvasElement) return;
    const owner = event.target.closest && event.target.closest("[data-tip]");
    show(owner && owner.dataset.tip, event.clientX, event.clientY);
  });

  // Sorting: best first is what a first click on a number gives; ties keep their order.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "none" ? column > 0 : head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const compare = (a, b) => (column ? (a === "") - (b === "") || (down ? b - a : a - b) : (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true }));
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b))));
    }));
  }

  // Time lines.
  const LEFT = 46, RIGHT = 10, TOP = 22, STRIP = 34, GAP = 22;
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  const palette = () => ["c0", "c1", "c2", "c3", "c4", "c5"].map(colour);
  const PERSON = new Path2D("M20 1 a7 8 0 1 0 .01 0 Z M9 21 Q20 16 31 21 Q35 36 35 54 L30 54 L29 98 L22 98 L21 62 L19 62 L18 98 L11 98 L10 54 L5 54 Q5 36 9 21 Z");

  // One frame as figures in boxes. Boxes arrive as 16-bit numbers: x, y, width, height, then indices.
  class Scene {
    constructor(element, data) {
      [this.data, this.frame, this.changed] = [data, 1, () => {}];
      const { pred, miss, width, height } = data.scene;
      element.style.setProperty("--stage", `${Math.min(620, 360 * width / height)}px`);
      const numbers = (text) => new Int16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
      const starts = (counts) => counts.reduce((sums, n) => (sums.push(sums[sums.length - 1] + n), sums), [0]);
      this.parts = [pred, miss].map(({ boxes, counts }) => ({ boxes: numbers(boxes), starts: starts(counts) }));
      [this.canvas, this.slider, this.button, this.output] = ["canvas", "input", "button", "output"].map((kind) => element.querySelector(kind));
      Object.assign(this.slider, { min: 1, max: data.length, step: data.scene.step, value: 1 });
      this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
      this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    }

    play() {
      this.button.textContent = "pause";
      this.timer = setInterval(() => this.show(this.frame >= this.data.length ? 1 : this.frame + this.data.scene.step), 1000 * this.data.scene.step / this.data.scene.rate);
    }

    pause() { clearInterval(this.timer); this.timer = 0; this.button.textContent = "play"; }

    show(frame) {
      const step = this.data.scene.step, last = Math.floor((this.data.length - 1) / step) * step + 1;
      const chosen = Math.min(last, Math.max(1, Math.floor((frame - 1) / step) * step + 1));
      if (chosen === this.frame) return;
      this.slider.value = this.frame = chosen;
      this.draw();
      this.changed();
    }

    boxes(part) {
      const at = (this.frame - 1) / this.data.scene.step, found = [];
      for (let i = part.starts[at]; i < part.starts[at + 1]; i++) found.push(part.boxes.subarray(6 * i, 6 * i + 6));
      return found;
    }

    draw() {
      const { width, height, ids } = this.data.scene, [pred, miss] = this.parts.map((part) => this.boxes(part));
      const shown = this.canvas.clientWidth, density = window.devicePixelRatio || 1, scale = shown / width;
      if (!shown) return;
      this.canvas.width = Math.round(shown * density);
      this.canvas.height = Math.round(height * scale * density);
      this.canvas.style.aspectRatio = `${width} / ${height}`;
      const g = this.canvas.getContext("2d"), colours = palette(), [bad, ink, soft, wrong] = ["bad", "ink", "soft", "c1"].map(colour);
      g.scale(density, density);
      g.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
      g.textAlign = "center";
      const all = [...pred.map((box) => [box, true]), ...miss.map((box) => [box, false])];
      all.sort(([a], [b]) => a[1] + a[3] - b[1] - b[3]);
      for (const [[x, y, w, h, id, person], predicted] of all) {
        const box = [x * scale, y * scale, w * scale, h * scale], hit = predicted && person >= 0;
        g.strokeStyle = hit ? colours[this.data.colours[ids[id]]] : predicted ? wrong : bad;
        g.lineWidth = 1.4;
        g.setLineDash(hit ? [] : [4, 3]);
        g.strokeRect(...box);
        g.setLineDash([]);
        if (predicted && !hit) { g.beginPath(); g.moveTo(box[0], box[1]); g.lineTo(box[0] + box[2], box[1] + box[3]); g.stroke(); }
        if (!hit) continue;
        g.save();
        g.translate(box[0], box[1]);
        g.scale(box[2] / 40, box[3] / 100);
        g.fillStyle = g.strokeStyle;
        g.globalAlpha = .85;
        g.fill(PERSON);
        g.restore();
        if (box[3] < 34) continue;
        g.lineWidth = 3;
        g.strokeStyle = soft;
        g.fillStyle = ink;
        g.strokeText(ids[id], box[0] + box[2] / 2, Math.max(10, box[1] - 3));
        g.fillText(ids[id], box[0] + box[2] / 2, Math.max(10, box[1] - 3));
      }
      const wrongs = pred.filter((box) => box[5] < 0).length;
      const file = this.data.offset ? ` (file ${this.frame + this.data.offset})` : "";
      this.output.textContent = `frame ${this.frame}${file}\n${pred.length - wrongs} tracked · ${miss.length} missed · ${wrongs} false`;
      this.canvas.dataset.drawn = all.length;
    }
  }

  class Timeline {
    constructor(details) {
      this.data = data.timelines[details.dataset.index];
      this.canvas = details.querySelector("canvas.rows");
      this.scene = new Scene(details.querySelector(".scene"), this.data);
      this.scene.changed = () => this.draw();
      [this.order, this.only, this.reset] = ["select", "input", "button"].map((kind) => details.querySelector(`.tools ${kind}`));
      this.range = [1, this.data.length + 1];
      this.people = this.data.rows.map(([id, flat]) => {
        const runs = [];
        for (let i = 0; i < flat.length; i += 3) runs.push({ start: flat[i], length: flat[i + 1], id: flat[i + 2] });
        const missed = runs.reduce((sum, run) => sum + (run.id < 0 ? run.length : 0), 0);
        const pick = (list) => list.filter((s) => s[0] === id).map(([, frame, old, now, kind]) => ({ frame, old, now, kind }));
        return { id, runs, missed, switches: pick(this.data.switches), gone: pick(this.data.gone) };
      });
      this.order.addEventListener("change", () => this.draw());
      this.only.addEventListener("change", () => this.draw());
      this.reset.addEventListener("click", () => this.zoom(1, this.data.length + 1));
      this.canvas.addEventListener("pointerdown", (event) => { this.from = event.pointerType === "mouse" ? this.frameAt(event.offsetX) : null; });
      this.canvas.addEventListener("pointermove", (event) => this.hover(event));
      this.canvas.addEventListener("pointerleave", () => { show(""); this.from = null; this.draw(); });
      this.canvas.addEventListener("pointerup", (event) => {
        const [a, b] = [this.from, this.frameAt(event.offsetX)].sort((x, y) => x - y);
        if (this.from !== null && this.from !== undefined && b - a >= 5) this.zoom(Math.floor(a), Math.ceil(b));
        this.from = null;
      });
    }

    rows() {
      const keys = { start: (p) => p.runs[0].start, switches: (p) => -p.switches.length, missed: (p) => -p.missed, id: (p) => p.id };
      const key = keys[this.order.value];
      const chosen = this.people.filter((p) => !this.only.checked || p.switches.length || p.gone.length);
      return chosen.sort((a, b) => key(a) - key(b) || a.runs[0].start - b.runs[0].start || a.id - b.id);
    }

    zoom(start, end) {
      this.range = [Math.max(1, start), Math.min(this.data.length + 1, end)];
      this.reset.hidden = this.range[1] - this.range[0] >= this.data.length;
      this.draw();
    }

    x(frame) { return LEFT + (frame - this.range[0]) / (this.range[1] - this.range[0]) * (this.width - LEFT - RIGHT); }

    frameAt(x) { return this.range[0] + (x - LEFT) / (this.width - LEFT - RIGHT) * (this.range[1] - this.range[0]); }

    draw(cursor) {
      const people = this.shown = this.rows();
      this.width = this.canvas.clientWidth;
      if (!this.width) return;
      this.row = people.length <= 30 ? 15 : people.length <= 60 ? 12 : people.length <= 120 ? 9 : people.length <= 300 ? 6 : people.length <= 900 ? 3 : 2;
      this.bottom = TOP + people.length * this.row;
      const height = this.bottom + 2 * (GAP + STRIP) + 8, scale = window.devicePixelRatio || 1;
      this.canvas.style.height = `${height}px`;
      this.canvas.width = Math.round(this.width * scale);
      this.canvas.height = Math.round(height * scale);
      const g = this.g = this.canvas.getContext("2d");
      g.scale(scale, scale);
      this.palette = palette();
      this.ink = Object.fromEntries(["ink", "muted", "grid", "card", "bad", "c1", "soft"].map((name) => [name, colour(name)]));
      g.font = `10.5px ${getComputedStyle(document.body).fontFamily}`;
      this.axis();
      g.save();
      g.beginPath();
      g.rect(LEFT, 0, this.width - LEFT - RIGHT, height);
      g.clip();
      people.forEach((person, i) => this.person(person, TOP + i * this.row));
      people.forEach((person, i) => this.marks(person, TOP + i * this.row));
      this.strip(this.data.fp, this.bottom + GAP, this.ink.c1);
      this.strip(this.data.miss, this.bottom + 2 * GAP + STRIP, this.ink.bad);
      this.cursor(cursor ?? this.x(this.scene.frame + .5), height);
      g.restore();
      this.canvas.dataset.drawn = people.length;
    }

    axis() {
      const { g } = this, span = this.range[1] - this.range[0];
      const steps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000];
      const step = steps.find((s) => span / s <= (this.width - LEFT) / 70) || 20000;
      g.strokeStyle = this.ink.grid;
      g.fillStyle = this.ink.muted;
      g.textAlign = "center";
      for (let frame = Math.ceil(this.range[0] / step) * step; frame < this.range[1]; frame += step) {
        const x = Math.round(this.x(frame)) + .5;
        g.beginPath(); g.moveTo(x, TOP - 4); g.lineTo(x, this.bottom + 2 * (GAP + STRIP)); g.stroke();
        g.fillText(frame, Math.min(x, this.width - 14), TOP - 9);
      }
      g.textAlign = "right";
      g.textBaseline = "middle";
      g.fillText("frame", LEFT - 7, TOP - 12);
      const every = Math.ceil(11 / this.row);
      this.shown.forEach((person, i) => { if (i % every === 0) g.fillText(person.id, LEFT - 7, TOP + (i + .5) * this.row); });
      g.textBaseline = "alphabetic";
      const worst = (list) => Math.max(0, ...list);
      g.textAlign = "left";
      g.fillText(`false positives per frame, at most ${worst(this.data.fp)}`, LEFT, this.bottom + GAP - 6);
      g.fillText(`misses per frame, at most ${worst(this.data.miss)}`, LEFT, this.bottom + 2 * GAP + STRIP - 6);
    }

    person(person, y) {
      const { g, row } = this, bar = Math.max(3, Math.round(row * .62));
      for (const run of person.runs) {
        const x = this.x(run.start), width = Math.max(.7, this.x(run.start + run.length) - x);
        if (run.id < 0) {
          g.fillStyle = this.ink.bad;
          g.fillRect(x, Math.round(y + row / 2) - .75, width, 1.5);
        } else {
          g.fillStyle = this.palette[this.data.colours[run.id]];
          g.fillRect(x, y + Math.round((row - bar) / 2), width, bar);
        }
      }
    }

    marks(person, y) {
      const { g, row } = this;
      let [last, marked] = [null, -9];
      for (const run of person.runs) {
        if (run.id < 0) continue;
        if (last && last.id === run.id && run.start > last.start + last.length && this.x(run.start) - marked > 5) {
          marked = this.x(run.start);
          g.beginPath();
          g.arc(this.x(run.start), y + row / 2, Math.min(2.6, row * .26), 0, 7);
          g.fillStyle = this.ink.card; g.strokeStyle = this.ink.ink; g.lineWidth = 1;
          g.fill(); g.stroke();
        }
        last = run;
      }
      const size = Math.max(3.2, Math.min(4.5, row * .34));
      for (const [list, solid] of [[person.gone, false], [person.switches, true]]) for (const { frame } of list) {
        const x = this.x(frame);
        g.beginPath();
        g.moveTo(x - size, y - 1.5); g.lineTo(x + size, y - 1.5); g.lineTo(x, y + size + 1); g.closePath();
        g.fillStyle = solid ? this.ink.ink : this.ink.card;
        g.strokeStyle = solid ? this.ink.card : this.ink.ink;
        g.lineWidth = solid ? .8 : 1.1;
        g.fill(); g.stroke();
        if (solid) { g.fillStyle = this.ink.ink; g.fillRect(x - .75, y, 1.5, row); }
      }
    }

    strip(values, top, style) {
      const { g } = this, most = Math.max(1, ...values);
      g.fillStyle = this.ink.soft;
      g.fillRect(LEFT, top, this.width - LEFT - RIGHT, STRIP);
      g.fillStyle = style;
      for (let frame = this.range[0]; frame < this.range[1]; frame++) {
        const height = values[frame - 1] / most * STRIP;
        g.fillRect(this.x(frame), top + STRIP - height, Math.max(.8, this.x(frame + 1) - this.x(frame)), height);
      }
    }

    cursor(x, height) {
      const { g } = this;
      g.fillStyle = this.ink.ink;
      if (this.from !== null && this.from !== undefined) {
        g.globalAlpha = .18;
        g.fillRect(Math.min(x, this.x(this.from)), TOP, Math.abs(x - this.x(this.from)), height);
        g.globalAlpha = 1;
      }
      g.globalAlpha = .55;
      g.fillRect(x - .5, TOP - 4, 1, height);
      g.globalAlpha = 1;
    }

    hover(event) {
      const frame = Math.floor(this.frameAt(event.offsetX));
      this.scene.show(frame);
      this.draw(event.offsetX);
      if (frame < 1 || frame > this.data.length) return show("");
      const file = this.data.offset ? ` (file ${frame + this.data.offset})` : "";
      const lines = [`frame ${frame}${file}`];
      const person = this.shown[Math.floor((event.offsetY - TOP) / this.row)];
      if (person && event.offsetY >= TOP) {
        const run = person.runs.find((r) => frame >= r.start && frame < r.start + r.length);
        lines.push(`person ${person.id}: ${!run ? "not in the ground truth" : run.id < 0 ? "missed" : `id ${run.id}`}`);
        const reach = Math.max(1, 4 * (this.range[1] - this.range[0]) / this.width);
        for (const s of person.switches) if (Math.abs(s.frame - frame) <= reach) lines.push(`switch in frame ${s.frame}: ${s.old} → ${s.now} (${s.kind})`);
        for (const s of person.gone) if (Math.abs(s.frame - frame) <= reach) lines.push(`earlier run only: switch in frame ${s.frame}`);
      } else {
        lines.push(`${this.data.fp[frame - 1]} false positives, ${this.data.miss[frame - 1]} misses`);
      }
      show(lines.join("\n"), event.clientX, event.clientY);
    }
  }

  const all = [...document.querySelectorAll("details.timeline")].map((details) => {
    const line = new Timeline(details);
    details.addEventListener("toggle", () => { if (details.open) line.draw(); });
    if (details.open) line.draw();
    details.addEventListener("toggle", () => { if (details.open) line.scene.draw(); else line.scene.pause(); });
    if (details.open) line.scene.draw();
    return line;
  });
  // A switch's frame number shows that frame in the player.
  for (const link of document.querySelectorAll("a[data-frame]")) link.addEventListener("click", (event) => {
    const line = all.find(({ data: { name } }) => name === link.dataset.sequence), details = line.canvas.closest("details");
    event.preventDefault();
    details.open = true;
    line.scene.show(Number(link.dataset.frame));
    details.scrollIntoView({ block: "start" });
  });
  const redraw = () => all.forEach((line) => { if (line.canvas.closest("details").open) { line.draw(); line.scene.draw(); } });
  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => {
    all.forEach((line) => { line.canvas.closest("details").open = true; line.draw(); line.scene.draw(); });
  });
  root.dataset.ready = "true";
})();

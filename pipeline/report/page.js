"use strict";
// The values of a chart's curves at the step nearest to the pointer.
for (const svg of document.querySelectorAll("svg[data-chart]")) {
  const { area, x, y, curves } = JSON.parse(svg.dataset.chart);
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
  rule.setAttribute("class", "rule");
  rule.setAttribute("y1", area.top);
  rule.setAttribute("y2", area.bottom);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  svg.parentElement.append(tip);

  const nearest = (points, step) =>
    points.reduce((best, point) => (Math.abs(point[0] - step) < Math.abs(best[0] - step) ? point : best));

  const show = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = box.width / svg.viewBox.baseVal.width;
    const share = ((event.clientX - box.left) / scale - area.left) / (area.right - area.left);
    const wanted = x.least + share * (x.greatest - x.least);
    const step = nearest(curves.map((curve) => nearest(curve.points, wanted)), wanted)[0];
    const place = area.left + ((step - x.least) / (x.greatest - x.least)) * (area.right - area.left);
    rule.setAttribute("x1", place);
    rule.setAttribute("x2", place);
    svg.append(rule);

    tip.replaceChildren(`step ${step.toLocaleString("en")}`);
    curves.forEach((curve, index) => {
      const point = curve.points.find((each) => each[0] === step);
      if (!point) return;
      const line = document.createElement("div");
      const mark = document.createElement("i");
      mark.className = `c${index}`;
      line.append(mark, `${curve.label ? curve.label + " " : ""}${point[1].toPrecision(5) / 1}`);
      tip.append(line);
    });
    tip.hidden = false;
    const left = svg.offsetLeft + place * scale;
    const fits = left + 12 + tip.offsetWidth <= svg.parentElement.clientWidth;
    tip.style.left = `${fits ? left + 12 : Math.max(0, left - 12 - tip.offsetWidth)}px`;
    tip.style.top = `${figcaptionHeight(svg) + area.top * scale}px`;
  };
  const hide = () => {
    tip.hidden = true;
    rule.remove();
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", hide);
}

function figcaptionHeight(svg) {
  return svg.getBoundingClientRect().top - svg.parentElement.getBoundingClientRect().top;
}

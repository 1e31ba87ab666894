// What the accessibility tests ask of a page. WCAG's contrast: (lighter + 0.05) / (darker + 0.05) of relative luminance.

function weakText() {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => top.slice(0, 3).map((value, i) => value * top[3] + under[i] * (1 - top[3]));
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement));
  };
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const weak = new Set();
  let seen = 0;
  const look = (element, style, text) => {
    const under = ground(element);
    const [lighter, darker] = [luminance(over(rgba(style.color), under)), luminance(under)].sort((a, b) => b - a);
    const contrast = (lighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    seen += 1;
    if (contrast < least) weak.add(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${text.slice(0, 40)}`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.data.trim();
    const shown = element.checkVisibility({ visibilityProperty: true }) && !element.closest(".sr, .skip, script, option");
    if (text && shown) look(element, getComputedStyle(element), text);
  }
  for (const field of document.querySelectorAll("[placeholder]")) {
    if (field.checkVisibility()) look(field, getComputedStyle(field, "::placeholder"), field.placeholder);
  }
  return { weak: [...weak], seen };
}

function unfold() {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of document.querySelectorAll("form[hidden]")) one.hidden = false;
}

function reachable() {
  const all = document.querySelectorAll("a[href], button, summary, input, select, textarea, [tabindex='0']");
  return [...all].filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.type !== "hidden").length;
}

// What has the focus now; `first`: for the first time.
function focused() {
  const one = document.activeElement;
  const nothing = one === document.body;
  const style = getComputedStyle(one);
  const first = !nothing && !one.dataset.visited;
  one.dataset.visited = "yes";
  return { nothing, first, outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth), what: one.outerHTML.slice(0, 120) };
}

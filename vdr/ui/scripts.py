"""The few lines of JavaScript behind clickable fragments, run by `gr.HTML(js_on_load=...)`."""

PICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-pick], button[data-event]');
  if (!button) return;
  if (button.dataset.event) return trigger(button.dataset.event);
  element.querySelectorAll('[aria-current]').forEach((other) => other.removeAttribute('aria-current'));
  const same = element.querySelectorAll(`[data-pick="${button.dataset.pick}"]`);
  same.forEach((other) => other.setAttribute('aria-current', 'true'));
  trigger('select', {index: Number(button.dataset.pick)});
});
"""
"""`<button data-pick="3">` triggers `select` with index 3 and becomes current with all of that index;
`data-event` names another event."""

TICK = """
const boxes = () => [...element.querySelectorAll('input:not([data-all])')];
const tell = () => trigger('select', {names: boxes().filter((box) => box.checked).map((box) => box.value)});
element.addEventListener('change', (event) => {
  if ('all' in event.target.dataset) boxes().forEach((box) => { box.checked = event.target.checked; });
  tell();
});
watch('value', () => element.querySelectorAll('input').forEach((box) => { box.checked = false; }));
"""
"""Ticking boxes triggers `select` with the `names` of all that are ticked; a new list starts with none."""

ADDRESS = """
(query) => {
  const address = new URL(window.location);
  const fits = encodeURIComponent(query.trim()).length <= 1000;
  if (query.trim() && fits) address.searchParams.set('q', query.trim()); else address.searchParams.delete('q');
  window.history.replaceState(null, '', address);
}
"""
"""Takes the query, and puts it into the page's address: reloaded or sent to somebody, it asks again. A long one is left
out, since gradio sends the address along with every request, and servers refuse long ones."""

SCROLL = """
async (spot) => {
  await new Promise((painted) => setTimeout(painted, 50));
  const picture = document.querySelector('#page img');
  if (spot === null || !picture) return;
  await picture.decode().catch(() => {});
  const {top, height} = picture.getBoundingClientRect();
  const at = top + spot * height;
  const hidden = at < 60 || at > window.innerHeight - 60;
  if (hidden && window.innerWidth > 720) window.scrollBy({top: at - window.innerHeight / 2, behavior: 'smooth'});
}
"""
"""Takes how far down the open page the spot is, 0 to 1 or null, and scrolls to it where it is out of sight. Not on a
phone, where the hits would go out of sight for it."""

RATE = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-grade]');
  if (!button) return;
  const again = button.getAttribute('aria-pressed') === 'true';
  const both = button.parentElement;
  both.querySelectorAll('button').forEach((other) => other.setAttribute('aria-pressed', other === button && !again));
  const query = button.closest('[data-query]').dataset.query;
  trigger('like', {query, key: both.dataset.key, grade: again ? null : Number(button.dataset.grade)});
});
"""
"""`<button data-grade="1">` in an element with `data-key`, below one with `data-query`, triggers `like` with all three
and becomes pressed in place of its neighbour; pressed again, the grade is null."""

import assert from "node:assert/strict";
import { escapeHtml } from "../../lib/frame/escape_html.ts";
import { visibleText } from "../../lib/frame/visible_text.ts";

Deno.test("markup shows as text", () => {
  assert.equal(escapeHtml("<img src=x onerror=alert(1)>"), "&lt;img src=x onerror=alert(1)&gt;");
  assert.equal(escapeHtml(`a&b "c" 'd'`), "a&amp;b &quot;c&quot; &#39;d&#39;");
  assert.equal(escapeHtml(""), "");
});

Deno.test("a terminal escape, an override and a lone surrogate lose their effect", () => {
  assert.equal(visibleText("\x1b]0;x\x07"), "␛]0;x␇");
  assert.equal(visibleText("a\u202eb\u2066c\x9bd"), "a\\u202eb\\u2066c\\u009bd");
  assert.equal(visibleText("\ud800x"), "\ufffdx");
  assert.equal(visibleText("kworker/0:1 žluť 😀"), "kworker/0:1 žluť 😀");
});

Deno.test("lines and tabs stay in HTML, and show in a name", () => {
  assert.equal(escapeHtml("a\n\tb\rc"), "a\n\tb␍c");
  assert.equal(visibleText("a\nb"), "a␊b");
});

Deno.test("no character of the lower planes gets through as markup or control", () => {
  for (let code = 0; code < 0x3000; code++) {
    const out = escapeHtml(String.fromCharCode(code));
    const rest = out.replace(/[\n\t]/g, "");
    assert.ok(!/[<>"'\p{Cc}\p{Cs}\p{Bidi_Control}]/u.test(rest), `U+${code.toString(16)}`);
  }
});

/** Controls, format characters (bidirectional overrides, zero widths), line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LONE_SURROGATE = /\p{Cs}/gu;

/**
 * Makes every control character, bidirectional override and invisible mark of `text` visible and without effect.
 *
 * A task may be called anything (`prctl(PR_SET_NAME)` takes any bytes), so no name of a trace goes to a terminal
 * or to a page without this. C0 controls become their Unicode pictures (`ESC` is `␛`), all others their
 * escape (`\u202e`), a lone surrogate the replacement character. Never throws.
 *
 * @example
 * ```ts
 * import { visibleText } from "@schedscope/schedscope/frame";
 * import assert from "node:assert/strict";
 *
 * assert.equal(visibleText("a\x1b[2Jb"), "a␛[2Jb");
 * ```
 */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, picture).replace(LONE_SURROGATE, "\ufffd");
}

function picture(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

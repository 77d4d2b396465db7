/**
 * Bundles the script of the page into `bundle.ts`, so that nobody needs a bundler to use the widget: `deno task widget`.
 *
 * @module
 */
// esbuild: the choice, one native program, milliseconds a bundle; needed by this file and its test only.
import * as esbuild from "esbuild";

/** The text of `bundle.ts` for the sources as they are. */
export async function buildBundle(): Promise<string> {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [new URL("./browser/main.ts", import.meta.url).pathname],
      bundle: true,
      write: false,
      format: "iife",
      platform: "browser",
      target: ["es2022"],
      minify: true,
      charset: "ascii",
      legalComments: "none",
    });
    // The end of an element within a text would end the element that the script stands in.
    const script = outputFiles[0]!.text.trim().replaceAll(/<\/(?=script)/gi, "<\\/").replaceAll(
      "<!--",
      "<\\!--",
    );
    return `// deno-fmt-ignore-file
// Made by \`deno task widget\` out of browser/main.ts. Do not edit.

/** The script that shows the timeline widgets of a page. */
export const WIDGET_SCRIPT: string = ${JSON.stringify(script)};
`;
  } finally {
    await esbuild.stop();
  }
}

if (import.meta.main) {
  const text = await buildBundle();
  await Deno.writeTextFile(new URL("./bundle.ts", import.meta.url), text);
  console.log(`lib/plot/widget/bundle.ts: ${text.length.toLocaleString("en-US")} bytes`);
}

/**
 * Runs `test` until it passes, at most `most` times, and fails as the last one did. For what is measured on this very machine while it
 * does other work: each attempt records anew, and says why it failed.
 */
export async function attempts(most: number, test: (attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await test(attempt);
    } catch (error) {
      if (attempt >= most || !(error instanceof Error)) throw error;
      console.log(`  attempt ${attempt}: ${error.message.slice(0, 500)}`);
    }
  }
}

import { pythonWith, runProgram } from "../../python_with.ts";

/** An independent implementation of statistics. */
const PACKAGES = ["scipy==1.17.1", "numpy==2.4.6"];

/** A Python that has it. */
export async function scipyPython(log?: (line: string) => void): Promise<string> {
  return await pythonWith("scipy", PACKAGES, log);
}

/** What `with_scipy.py` answers to `questions`. */
export async function askScipy(questions: unknown): Promise<unknown> {
  const script = new URL("with_scipy.py", import.meta.url).pathname;
  return JSON.parse(await runProgram(await scipyPython(), script, JSON.stringify(questions)));
}

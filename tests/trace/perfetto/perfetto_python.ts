import { pythonWith, runProgram } from "../../python_with.ts";

/** Perfetto's own definitions of its messages, for Python. */
const PACKAGES = ["perfetto==0.59.1", "protobuf==7.36.2"];

/** A Python that has them. */
export async function perfettoPython(log?: (line: string) => void): Promise<string> {
  return await pythonWith("perfetto", PACKAGES, log);
}

/** Runs the script `name` of this directory with `args`; what it prints, each byte one character. */
export async function runPython(name: string, ...args: string[]): Promise<string> {
  return await runProgram(await perfettoPython(), new URL(name, import.meta.url).pathname, ...args);
}

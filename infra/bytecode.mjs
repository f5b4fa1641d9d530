// Runs bytecode.py, same arguments, in Pyodide: CPython built for WebAssembly, out of node_modules and
// without a network. Bytecode knows no processor, so the native interpreter of that version takes it.
import { readFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const [folder, shownAs, version] = process.argv.slice(2);
const program = await readFile(new URL("bytecode.py", import.meta.url), "utf8");

const python = await loadPyodide({ stdout: console.error }); // compileall names a bad source on stdout
python.mountNodeFS("/asset", folder);
const scope = python.toPy({ __name__: "bytecode" });
python.runPython(program, { globals: scope });
process.exitCode = scope.get("main")("/asset", shownAs, version);

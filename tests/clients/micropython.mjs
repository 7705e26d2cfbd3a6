// Runs cases under MicroPython compiled to WebAssembly: micropython.mjs FOLDER CASES...
// FOLDER holds node_modules. The library and the cases lie in the interpreter's own file system, in memory. Its garbage
// is collected only while no Python code runs, hence one call for each step.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, ...names] = process.argv.slice(2);
const entry = join(folder, "node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs");

function copy(FS, from, to) {
  for (const name of readdirSync(from)) {
    if (name.endsWith(".py")) FS.writeFile(`${to}/${name}`, readFileSync(join(from, name)));
  }
}

async function main() {
  const { loadMicroPython } = await import(pathToFileURL(entry));
  const print = (line) => console.log(line);
  const interpreter = await loadMicroPython({ heapsize: 1024 * 1024, stdout: print, stderr: print, linebuffer: true });
  const { FS } = interpreter;
  FS.mkdir("/cases");
  FS.mkdir("/cases/ferry_ota");
  copy(FS, join(here, "portable"), "/cases");
  copy(FS, join(here, "../../clients/micropython/ferry_ota"), "/cases/ferry_ota");
  interpreter.runPython("import sys\nsys.path.insert(0, '/cases')\nprint(sys.version)\nimport run");
  interpreter.globals.set("names", names.join(" "));
  interpreter.runPython("cases = run.Cases(names.split())");
  let going = true;
  while (going) {
    interpreter.runPython("going = cases.step()");
    going = interpreter.globals.get("going");
  }
  const count = interpreter.globals.get("cases").count;
  console.log(`${count} cases`);
  return count > 0 ? 0 : 1;
}

main().then(
  (status) => process.exit(status),
  (error) => {
    console.error(String(error.message ?? error));
    process.exit(1);
  },
);

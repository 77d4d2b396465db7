// Deferred: the files are loaded with the graph (about 20 ms), and evaluated (about 40 ms more) at the first table
// only, so that a program which never asks for a table does not pay for running Arquero.
import defer * as aq from "arquero";
import { provideArquero } from "./arquero.ts";

provideArquero(() => aq);

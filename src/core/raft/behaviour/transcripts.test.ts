// The lessons in ../testdata: real cores, driven by commands, shown line by line.

import { transcriptTests } from '../../../../test/support/transcript.ts';
import { Repl } from './repl.support.ts';

transcriptTests(new URL('../testdata/', import.meta.url), () => {
  const repl = new Repl();
  return (command) => repl.run(command);
});

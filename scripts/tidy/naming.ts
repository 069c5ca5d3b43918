// Names of files: what is inside, as a noun, in lower case with dashes.

import { basename } from 'node:path/posix';
import { type Finding, isScript, type Rule } from './source.ts';

const SHAPE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)?\.ts$/;
const EMPTY_WORDS = /(^|-)(utils?|helpers?|managers?|misc|common|stuff|base)(?=[-.])/;

export const namingRule: Rule = (tree) => {
  const findings: Finding[] = [];
  for (const { path } of tree) {
    if (!isScript(path)) continue;
    const name = basename(path);
    const empty = EMPTY_WORDS.exec(name)?.[2];
    if (!SHAPE.test(name)) {
      const message = 'a file is named in lower case with dashes: member-list.ts';
      findings.push({ path, line: 0, message });
    }
    if (empty !== undefined) {
      const message = `"${empty}" says nothing: name the file after what is in it`;
      findings.push({ path, line: 0, message });
    }
  }
  return findings;
};

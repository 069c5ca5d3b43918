// Preloaded (`node --import`) by processes that run a mutant: patches one source of the product
// while it is loaded. The product knows nothing of this. The environment names the mutant, so that
// processes started by such a process are patched alike.

import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { HOST_MUTANTS } from './host-mutants.ts';
import { CORE_MUTANTS } from './mutants.ts';

const name = process.env['PARLEY_MUTANT'];
const mutant = [...CORE_MUTANTS, ...HOST_MUTANTS].find((candidate) => candidate.name === name);
if (mutant === undefined) throw new Error(`the patch does not fit: there is no mutant ${name}`);
const { file, find, replace } = mutant;
const target = new URL(`../../src/${file}`, import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const result = nextLoad(url, context);
    if (url !== target) return result;
    const source = asText(result.source);
    if (source.split(find).length !== 2) {
      throw new Error(`the patch does not fit: ${name} is not once in ${fileURLToPath(url)}`);
    }
    return { ...result, source: source.replace(find, () => replace) };
  },
});

function asText(source: string | ArrayBuffer | NodeJS.TypedArray | undefined | null): string {
  if (typeof source === 'string') return source;
  return new TextDecoder().decode(source ?? undefined);
}

// Preloaded by the explorer: turns the private names of the core (`#term`) into ordinary ones while
// its sources are loaded, so that the state of a replica can be written down to the last field. The
// code that runs is otherwise the code of the product.

import { registerHooks } from 'node:module';

const FOLDER = new URL('../../../src/core/raft/', import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const result = nextLoad(url, context);
    if (!url.startsWith(FOLDER)) return result;
    const { source } = result;
    const text =
      typeof source === 'string' ? source : new TextDecoder().decode(source ?? undefined);
    return { ...result, source: text.replaceAll(/#(?=[a-z]\w*)/gi, 'own_') };
  },
});

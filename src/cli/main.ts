#!/usr/bin/env node
// The entry of `parley`. A Node that is too old for the rest is told so in a sentence.
//
// Such a Node does not read TypeScript: asked for a module called *.ts it ends with a stack. It
// reads CommonJS under any name, so this file alone is that, by the package.json beside it, and has
// no types in it. Built, it lies among modules and is read as one: it says nothing that differs
// between the two, and `moduleDetection` of tsconfig.build.json keeps the compiler from adding it.
{
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    process.stderr.write(
      `parley: This is Node ${process.versions.node}; Parley needs 22.18 or newer. Install that, ` +
        'or start ./parley of a clone instead, which installs one beside the project.\n',
    );
    process.exit(1);
  }
  void import('./command-line/index.ts').then(async ({ run }) => {
    // Not `process.exitCode`: idle connections of clients must not keep a stopped member alive.
    process.exit(await run(process.argv.slice(2)));
  });
}

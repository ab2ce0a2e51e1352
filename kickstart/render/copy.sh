# Copies what is at $on of the OEMDRV volume to $to in the new system; $name is the
# name of a file, empty for a folder. Lines "link PATH TARGET" may follow.
set -e
volume=$(mktemp -d)
mount -o ro LABEL=OEMDRV "$volume"
trap 'cd / && umount "$volume" && rmdir "$volume"' EXIT
from=$volume/$on
if [ "$name" ] && [ -d "$to" ]; then to=$to/$name; fi
mkdir -p "$(dirname "$to")"
# New files have their own modes, for want of a mask; folders that are there keep
# theirs. One that is there as a link, as /lib is, is gone into, which cp -R refuses.
(
  umask 0
  if [ "$name" ]; then exec cp -T --remove-destination "$from" "$to"; fi
  cd "$from"
  find . -type d -exec sh -c 'for d; do [ -d "$0/${d#.}" ] || mkdir -m "$(stat -c %a "$d")" "$0/${d#.}" || exit; done' "$to" {} +
  find . ! -type d -exec cp --parents --remove-destination -t "$to" {} +
)
relabel() { ! command -v restorecon >/dev/null || "$@"; }
link() { ln -sfnT -- "$2" "$to/$1" && relabel restorecon "$to/$1"; }
at=$to # and the folders above it: they may be new
while relabel restorecon "$at" && [ "$at" != / ]; do at=$(dirname "$at"); done
if [ -z "$name" ]; then
  (cd "$from" && find . -print0) | (cd "$to" && relabel xargs -0 restorecon)
fi

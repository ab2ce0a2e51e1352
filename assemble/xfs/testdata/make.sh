#!/bin/sh
# Makes small.img.zst, as root on Linux: a small file system with one of every
# structure (mkfs.xfs 6.1, filled by kernel 6.18). Blocks of 1 KiB keep the
# structures small.
set -eu
cd "$(dirname "$0")"
truncate -s 32M small.img
mkfs.xfs -q -f --unsupported -L small -b size=1024 -i nrext64=1 small.img
dir=$(mktemp -d)
mount -o loop small.img "$dir"
mkdir "$dir/short" "$dir/block" "$dir/many" "$dir/deep" "$dir/deep/er"
echo hello > "$dir/short/file"
ln -s short/file "$dir/link"
ln -s "$(printf 'short/../%.0s' $(seq 80))short/file" "$dir/longlink"
for i in $(seq 15); do echo "$i" > "$dir/block/a-file-of-a-block-$i"; done
for i in $(seq -w 0 299); do : > "$dir/many/file-$i"; done
for i in $(seq 0 2 700); do
	printf '%04d' "$i" | dd of="$dir/fragments" bs=1024 seek="$i" conv=notrunc,sync status=none
done
fallocate -l 65536 "$dir/unwritten"
truncate -s 1M "$dir/sparse"
chown 1000:1001 "$dir/short/file"
umount "$dir"
rmdir "$dir"
zstd -q -19 -f --rm small.img

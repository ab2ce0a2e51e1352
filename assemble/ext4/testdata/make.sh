#!/bin/sh
# Makes small.img.zst and maps.img.zst, with e2fsprogs 1.47: small file systems
# with one of every structure, one of ext4 and one of ext2. Blocks of 1 KiB keep
# the structures small, and without checksums tests may change what they like.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
mkdir "$dir/short" "$dir/inline" "$dir/many" "$dir/deep" "$dir/deep/er"
echo hello > "$dir/short/file"
for i in 1 2 3 4 5 6; do : > "$dir/short/a-file-that-fills-an-inode-$i"; done
seq 40 > "$dir/inline/file"
ln -s short/file "$dir/link"
ln -s "$(printf 'short/../%.0s' $(seq 40))short/file" "$dir/longlink"
: > "$dir/many/file-000"
for i in $(seq -w 1 299); do ln "$dir/many/file-000" "$dir/many/file-$i"; done
seq 60000 | head -c 300000 > "$dir/fragments"
truncate -s 1M "$dir/sparse"
echo middle | dd of="$dir/sparse" bs=1024 seek=700 conv=notrunc status=none
make() { # NAME, and what mke2fs is told
	name=$1
	shift
	truncate -s 1M "$name"
	mke2fs -q -F "$@" -b 1024 -N 64 -L small -d "$dir" "$name"
	{
		for i in $(seq 1 2 290); do echo "punch fragments $i $i"; done
		echo "set_inode_field short/file uid 1000"
		echo "set_inode_field short/file gid 1001"
	} | debugfs -w -f - "$name" > /dev/null
	e2fsck -fyD "$name" > /dev/null || [ $? = 1 ]
	zstd -q -19 -f --rm "$name"
}
make small.img -t ext4 -O inline_data,^metadata_csum,uninit_bg,^has_journal,^resize_inode
make maps.img -t ext2 -O ^resize_inode
rm -r "$dir"

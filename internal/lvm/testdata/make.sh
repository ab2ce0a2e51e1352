#!/bin/sh
# Makes lvm.img.zst with lvm2, e2fsprogs and fdisk, as root: an MBR and two physical
# volumes of one group. In it are root (ext4, in three pieces on both), swap, and what
# is not linear: stripes. Needs a loop device, and no device mapper.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
rm -f lvm.img
truncate -s 24M lvm.img
printf 'label: dos\nlabel-id: 0x01234567\nstart=1MiB, size=8MiB, type=8e\nstart=9MiB, size=8MiB, type=8e\n' | sfdisk -q lvm.img
one=$(losetup -f --show -o 1M --sizelimit 8M lvm.img)
two=$(losetup -f --show -o 9M --sizelimit 8M lvm.img)
pvcreate -q "$one" "$two"
vgcreate -q -s 128k al-ma "$one" "$two"
new() { lvcreate -q --driverloaded n -an -Zn "$@"; }
new -Wn -n root -l 8 al-ma "$one"
new -Wn -n s_1 -l 4 al-ma "$one"
lvextend -q --driverloaded n -l +20 al-ma/root "$one"
lvextend -q --driverloaded n -l +20 al-ma/root "$two"
new -Wn -n stripes -i 2 -l 2 al-ma
lvs -o lv_name,seg_type,seg_start_pe,seg_pe_ranges al-ma
losetup -d "$one"
losetup -d "$two"

mkdir -p "$dir/root/etc"
printf 'ID=lvm\nPRETTY_NAME="LVM 1"\n' > "$dir/root/etc/os-release"
printf '/dev/mapper/al--ma-root / ext4 defaults 0 0\n/dev/al-ma/s_1 none swap defaults 0 0\n' > "$dir/root/etc/fstab"
seq -f %01023.0f 4600 > "$dir/root/numbers"
truncate -s 6M "$dir/ext4"
mke2fs -q -t ext4 -b 1024 -O ^has_journal -d "$dir/root" "$dir/ext4"
truncate -s 512K "$dir/swap"
mkswap -q -U bbbbbbbb-cccc-dddd-eeee-ffffffffffff "$dir/swap"
# piece FILE FROM COUNT PARTITION EXTENT, in extents of 128 KiB behind 1 MiB
piece() { dd if="$1" of=lvm.img bs=128K skip="$2" count="$3" seek=$((8 + ($4 - 1) * 64 + 8 + $5)) conv=notrunc status=none; }
piece "$dir/ext4" 0 8 1 0
piece "$dir/swap" 0 4 1 8
piece "$dir/ext4" 8 20 1 12
piece "$dir/ext4" 28 20 2 0
rm -r "$dir"
zstd -q -19 -f --rm lvm.img

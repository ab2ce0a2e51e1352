#!/bin/sh
# Makes small.img.zst with e2fsprogs, dosfstools, mtools and fdisk: a GPT, an EFI
# system partition (FAT12), and the root of a system (ext4 without checksums,
# blocks of 1 KiB).
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
root=$dir/root
mkdir -p "$root/etc/ssh" "$root/boot/efi" "$root/boot/loader/entries" "$root/root/.ssh" "$root/usr/lib" "$root/lib/modules/6.1" "$root/var/lib/dpkg"
echo 'UUID=11111111-2222-3333-4444-555555555555 / ext4 defaults 0 0' > "$root/etc/fstab"
echo 'UUID=1A2B-3C4D /boot/efi vfat umask=0077 0 2' >> "$root/etc/fstab"
echo '/dev/vda9 /gone ext4 defaults 0 0' >> "$root/etc/fstab"
ln -s ../usr/lib/os-release "$root/etc/os-release"
printf 'ID=small\nPRETTY_NAME="Small 1"\n' > "$root/usr/lib/os-release"
printf 'root:x:0:0::/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n' > "$root/etc/passwd"
printf 'root:$6$salt$hash:1:::::: \nadmin:!:1::::::\n' > "$root/etc/shadow"
echo 'wheel:x:10:admin' > "$root/etc/group"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
echo secret > "$root/etc/ssh/ssh_host_rsa_key"
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpoHrnOHCMlK3Y0ktjOIkjnKDvYRpZ3Gz6xLQmwTQQp me' > "$root/root/.ssh/authorized_keys"
echo kernel > "$root/boot/vmlinuz-6.1"
echo initrd > "$root/boot/initrd.img-6.1"
echo x > "$root/lib/modules/6.1/modules.dep"
printf 'title Small\nlinux /boot/vmlinuz-6.1\ninitrd /boot/none\noptions root=LABEL=small\n' > "$root/boot/loader/entries/1.conf"
printf 'Package: bash\nStatus: install ok installed\nVersion: 5\nArchitecture: amd64\n' > "$root/var/lib/dpkg/status"
find "$root" -exec touch -hd @1700000000 {} +
rm -f small.img
truncate -s 4M small.img
sfdisk -q small.img <<'END'
label: gpt
label-id: 01234567-89AB-4CDE-8F01-23456789AB00
start=1MiB, size=1MiB, type=uefi, name=esp, uuid=01234567-89AB-4CDE-8F01-23456789AB01
size=1MiB, type=linux, name=root, uuid=01234567-89AB-4CDE-8F01-23456789AB02
END
truncate -s 1M "$dir/esp" "$dir/ext4"
mkfs.vfat -i 1a2b3c4d -n EFI "$dir/esp" > /dev/null
mmd -i "$dir/esp" ::/EFI ::/EFI/BOOT
printf 'MZ%58s\100\0\0\0PE\0\0\144\206' '' > "$dir/loader"
mcopy -i "$dir/esp" "$dir/loader" ::/EFI/BOOT/BOOTX64.EFI
mke2fs -q -t ext4 -b 1024 -N 64 -O ^metadata_csum,^has_journal,^resize_inode -L small -U 11111111-2222-3333-4444-555555555555 -d "$root" "$dir/ext4"
dd if="$dir/esp" of=small.img bs=1M seek=1 conv=notrunc status=none
dd if="$dir/ext4" of=small.img bs=1M seek=2 conv=notrunc status=none
rm -r "$dir"
zstd -q -19 -f --rm small.img

#!/bin/sh
# debian-disk.sh FILE: makes a raw disk of Debian 12 for x86_64 with the real
# cloud-init, growpart, sshd and guest agent, as Debian's own cloud images have
# them: GPT, an ESP with Debian's signed GRUB, an ext4 root that comes last.
# It needs no root where mmdebstrap can have a user namespace.
set -eu
export PATH="$PATH:/usr/sbin:/sbin" MTOOLS_SKIP_CHECK=1
case ${HOOK:-} in
'')
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	chmod 777 "$out" # a user namespace has other numbers for users
	# shellcheck disable=SC2016 # mmdebstrap's shell expands it
	HOOK=$out mmdebstrap --variant=minbase --customize-hook="$0"' "$1"' \
		--include=linux-image-cloud-amd64,systemd-sysv,udev,dbus,sudo,kmod,iproute2,e2fsprogs,fdisk,grub-efi-amd64-signed \
		--include=cloud-init,cloud-guest-utils,netplan.io,openssh-server,qemu-guest-agent,systemd-timesyncd bookworm /dev/null
	truncate -s 64M "$out/esp.img"
	mkfs.vfat -F 32 "$out/esp.img" >/dev/null
	cat >"$out/grub.cfg" <<'END'
search --no-floppy --label root --set=root
linux /vmlinuz root=LABEL=root ro console=tty0 console=ttyS0,115200n8 no_timer_check
initrd /initrd.img
boot
END
	mmd -i "$out/esp.img" ::/EFI ::/EFI/BOOT ::/EFI/debian
	mcopy -i "$out/esp.img" "$out/grub.efi" ::/EFI/BOOT/BOOTX64.EFI
	mcopy -i "$out/esp.img" "$out/grub.cfg" ::/EFI/debian/grub.cfg
	truncate -s 1300M "$1"
	sgdisk -n 1:2048:+64M -t 1:ef00 -n 2:0:+1200M -t 2:8304 "$1" >/dev/null
	dd if="$out/esp.img" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$out/root.img" of="$1" bs=1M seek=65 conv=notrunc,sparse status=none
	;;
*) # in the new root's namespace
	rm -f "$1"/etc/hostname "$1"/etc/ssh/ssh_host_* "$1"/var/lib/dbus/machine-id "$1"/var/cache/apt/archives/*.deb
	: >"$1/etc/machine-id"
	echo 'LABEL=root / ext4 defaults 0 1' >"$1/etc/fstab"
	printf 'locale: C.UTF-8\nmanage_etc_hosts: true\n' >"$1/etc/cloud/cloud.cfg.d/50-image.cfg"
	cp "$1/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" "$HOOK/grub.efi"
	mkdir "$HOOK/copy" # what is mounted below the root stays out
	cp -ax "$1/." "$HOOK/copy/"
	mke2fs -q -t ext4 -L root -d "$HOOK/copy" "$HOOK/root.img" 1200M
	rm -rf "$HOOK/copy"
	;;
esac

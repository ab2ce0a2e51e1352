# GRUB's configuration on the installed disk, and the initramfs.

install_bootloader() {
	local uuid=${uuid_at[/boot]:-} prefix='' append='' timeout=1 folder
	[[ $fail != bootloader ]] || end_by_error 'The following error occurred while installing the boot loader. The system will not be bootable. Would you like to ignore this and continue with installation?

failed to write boot loader configuration'
	if [[ ! ${part_at[/boot/efi]:-} ]]; then
		say 'rehearsal: no boot loader is installed for BIOS; the disk will not boot by itself'
		return
	fi
	[[ $uuid ]] || uuid=${uuid_at[/]} prefix=/boot # the root's file system, with its folder in front
	each note_bootloader bootloader
	folder=$sysimage/boot/efi$(</run/install/grub-prefix)
	mkdir -p $sysimage/boot/grub2 "$folder"
	kernel_arguments "${uuid_at[/]}" "$append"
	grub_menu "$uuid" "$prefix" "$(uname -r)" "$REPLY" "$timeout" >$sysimage/boot/grub2/grub.cfg
	# The one on the ESP only finds the real one, as RHEL's does.
	# shellcheck disable=SC2016
	printf 'search --no-floppy --fs-uuid --set=dev %s\nset prefix=($dev)%s\nconfigfile $prefix/grub.cfg\n' \
		"$uuid" "$prefix/grub2" >"$folder/grub.cfg"
}

note_bootloader() { append=${given[--append]-$append} timeout=${given[--timeout]-$timeout}; }

# kernel_arguments UUID APPEND: REPLY are the installed system's arguments: its
# root, the consoles that the installer has, which Anaconda preserves, and what
# bootloader --append says.
kernel_arguments() {
	local word
	REPLY="root=UUID=$1 ro"
	for word in "${words[@]}"; do
		[[ $word != console=* || " $2 " == *" $word "* ]] || REPLY+=" $word"
	done
	read -r word <<<"$2" # without the blanks around
	REPLY+=${word:+ $word}
}

# grub_menu UUID PREFIX RELEASE ARGUMENTS TIMEOUT: the menu with its one entry. It
# says on the console that GRUB has come so far; under UEFI the firmware's console
# is the serial port already.
grub_menu() {
	cat <<END
set timeout=$5
set default=0
terminal_output console
search --no-floppy --fs-uuid --set=root $1
menuentry 'imgasm rehearsal $version ($3)' {
	echo 'Loading the imgasm rehearsal, Linux $3 ...'
	linux $2/vmlinuz-$3 $(grub_escape "$4")
	initrd $2/initramfs-$3.img
}
END
}

# grub_escape TEXT protects what GRUB's language would read in kernel arguments.
# Blanks stay: they part the arguments; quotes are the kernel's.
grub_escape() { tr '\n\r\t' '   ' <<<"$1" | sed 's/[\$;&|<>{}'\''"#]/\\&/g; s/ $//'; }

# write_initramfs: that of the medium serves the installed system too; see init.
write_initramfs() {
	run cp $repo/images/pxeboot/initrd.img "$sysimage/boot/initramfs-$(uname -r).img" || end_by_error "$REPLY"
	say ...
}

# The planned partitions are made, formatted by the distribution's tools in the
# way in which Anaconda's storage library calls them, and mounted.

readonly sysimage=/mnt/sysimage
declare -A part_at uuid_at # device and file system's UUID, by mount point

configure_storage() {
	local script='label: gpt' start=1 number=0 device=/dev/$disk k title
	[[ $fail != storage ]] || storage_failed "$no_space"
	[[ $disk != *[0-9] ]] || device+=p # as in nvme0n1p1
	say "Creating disklabel on /dev/$disk"
	for k in "${order[@]}"; do
		title=${labels[k]:-${mounts[k]#/}}
		[[ ${kinds[k]} != efi ]] || title='EFI System Partition'
		script+=$'\n'"start=${start}MiB, size=${sizes[k]}MiB, type=$(partition_type "$k"), name=\"$title\""
		((start += sizes[k]))
	done
	run sfdisk --wipe=always --wipe-partitions=always "/dev/$disk" <<<"$script" || storage_failed "$REPLY"
	for k in "${order[@]}"; do
		say "Creating ${kinds[k]} on $device$((++number))"
		format "$device$number" "$k"
	done
	mount_target
}

storage_failed() { end_by_error 'An error occurred while activating your storage configuration.'$'\n\n'"$1"; }

# partition_type INDEX, by the UAPI Group's Discoverable Partitions Specification.
partition_type() {
	case ${kinds[$1]}:${mounts[$1]}:$(uname -m) in
	efi:*) echo C12A7328-F81F-11D2-BA4B-00A0C93EC93B ;;
	biosboot:*) echo 21686148-6449-6E6F-744E-656564454649 ;;
	swap:*) echo 0657FD6D-A4AB-43C4-84E5-0933C84B4F4F ;;
	*:/boot:*) echo BC13C2FF-59E6-4262-A352-B275FD6F7172 ;;
	*:/:x86_64) echo 4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709 ;;
	*:/:aarch64) echo B921B045-1DF0-41C3-AF44-4C6F280D3FAE ;;
	*) echo 0FC63DAF-8483-4772-8E79-3D69D8477DE4 ;;
	esac
}

# format DEVICE INDEX
format() {
	local tool label=-L
	case ${kinds[$2]} in
	biosboot) return ;;
	efi | vfat) tool=(mkfs.vfat) label=-n ;;
	swap) tool=(mkswap) ;;
	xfs) tool=(mkfs.xfs -f) ;;
	*) tool=("mkfs.${kinds[$2]}" -F) ;;
	esac
	[[ ! ${labels[$2]} ]] || tool+=("$label" "${labels[$2]}")
	run "${tool[@]}" "$1" || storage_failed "$REPLY"
	[[ ${mounts[$2]} ]] || return 0
	part_at[${mounts[$2]}]=$1
	uuid_at[${mounts[$2]}]=$(blkid -c /dev/null -o value -s UUID "$1")
}

# mount_target mounts the file systems, "/" first and then by depth, the kernel's
# own below them, and begins the system's table of them.
mount_target() {
	local at options dir
	fstab=''
	while read -r at; do
		options=(defaults '0 0')
		[[ $at != /boot/efi ]] || options=('umask=0077,shortname=winnt' '0 2')
		run mount --mkdir -o "${options[0]}" "${part_at[$at]}" "$sysimage$at" || storage_failed "$REPLY"
		fstab+="UUID=${uuid_at[$at]} $at $(blkid -c /dev/null -o value -s TYPE "${part_at[$at]}") ${options[*]}"$'\n'
	done < <(printf '%s\n' "${!part_at[@]}" | sort)
	for dir in dev proc run sys; do
		run mount --mkdir -o bind "/$dir" "$sysimage/$dir" || storage_failed "$REPLY"
	done
	mkdir -p $sysimage/tmp
	chmod 1777 $sysimage/tmp
}

# unmount_target, the innermost first, so that the installed system finds its
# file systems clean.
unmount_target() {
	sync
	[[ $(</proc/self/mounts) == *" $sysimage "* ]] || return 0
	run umount -R $sysimage || unit FAILED 'Failed unmounting' mnt-sysimage.mount "$REPLY"
	sync
}

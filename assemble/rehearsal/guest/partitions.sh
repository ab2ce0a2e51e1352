# The storage commands of the kickstart become partitions of one disk, with
# Anaconda's own error texts where Anaconda would stop. The rehearsal makes plain
# partitions; LVM, RAID, encryption and file systems that it has no tool for it
# refuses by name. Sizes are in MiB.

readonly no_space='Unable to allocate requested partition scheme.'
disk=''    # that is installed to
mounts=()  # of each partition, in the order of the disk: empty for swap and biosboot
kinds=()   # efi, swap, biosboot, or a file system's name
sizes=()
limits=()  # what it may grow to: its size if it may not, 0 if there is no limit
labels=()
order=()   # indexes of these in the order on the disk

# plan_partitions UEFI: UEFI is empty on a machine with a BIOS.
plan_partitions() {
	local uefi=$1 ranks=()
	choose_disk
	each want_partitions part partition reqpart autopart raid volgroup logvol snapshot mount
	[[ " ${mounts[*]} " == *' / '* ]] ||
		end_by_error 'You have not defined a root partition (/), which is required for installation of AlmaLinux to continue.'
	[[ ! $uefi || " ${kinds[*]} " == *' efi '* ]] ||
		end_by_error 'For a UEFI installation, you must include an EFI System Partition on a GPT-formatted disk, mounted at /boot/efi.'
	place_partitions
}

# choose_disk takes the first disk that the kickstart does not exclude.
choose_disk() {
	local only='' ignored='' boot='' name
	find_disks
	((${#disks[@]})) || { load_late; find_disks; }
	((${#disks[@]})) || end_by_error 'No usable disks.'
	each note_disks ignoredisk clearpart part partition bootloader
	disk=''
	for name in "${disks[@]}"; do
		if [[ $only && $name != @(${only//,/|}) || $name == @(${ignored//,/|}) ]]; then continue; fi
		[[ $disk && $name != "${boot#/dev/}" ]] || disk=$name
	done
	[[ $disk ]] || end_by_error 'No usable disks selected.'
}

# note_disks: what a command says of disks. Those that it names must be there;
# globs may match nothing.
note_disks() {
	local list=${given[--only-use]:-} names name
	case $command in
	ignoredisk) only=${list//'/dev/'/} ignored=${given[--drives]:-} ignored=${ignored//'/dev/'/} ;;
	clearpart) list=${given[--drives]:-} ;;
	*) list=${given[--ondisk]:-${given[--boot-drive]:-}} boot=${list:-$boot} ;;
	esac
	IFS=, read -ra names <<<"${list//'/dev/'/}"
	for name in "${names[@]}"; do
		[[ $name == *[*?[]* || " ${disks[*]} " == *" $name "* ]] ||
			end_by_kickstart "$line" "Disk \"$name\" given in $command command does not exist."
	done
}

# want MOUNT KIND SIZE [LIMIT LABEL] adds a partition. What firmware and boot
# loader read stands first on the disk; what grows stands last, and what has a
# limit before what has none.
want() {
	local rank=3
	case $2:$1:${4-$3} in
	biosboot:*) rank=0 ;;
	efi:*) rank=1 ;;
	*:/boot:*) rank=2 ;;
	*:0) rank=5 ;;
	*":$3") ;;
	*) rank=4 ;;
	esac
	ranks[rank]+="${#mounts[@]} "
	[[ ! $1 || " ${mounts[*]} " != *" $1 "* ]] || end_by_error "the mount point \"$1\" is asked for twice"
	mounts+=("$1") kinds+=("$2") sizes+=("$3") limits+=("${4-$3}") labels+=("${5:-}")
}

refuse_storage() {
	end_by_error "the rehearsal makes plain partitions on one disk and knows no $1 (line $line of the kickstart)"
}

# want_partitions reads one command.
want_partitions() {
	[[ ! ${given[--encrypted]:-} ]] || refuse_storage encryption
	case $command in
	part | partition) want_partition; return ;;
	reqpart | autopart) ;;
	*) refuse_storage "$command" ;;
	esac
	if [[ $uefi ]]; then want /boot/efi efi 600; else want '' biosboot 1; fi
	if [[ $command == autopart && ! ${given[--noboot]:-} || ${given[--add-boot]:-} ]]; then want /boot xfs 1024; fi
	[[ $command == autopart ]] || return 0
	want / xfs 1024 0
	[[ ${given[--type]:-} == plain ]] || say 'rehearsal: autopart makes plain partitions here, not logical volumes'
}

# want_partition reads one command part.
want_partition() {
	local mount=${arguments[0]:-} kind=${given[--fstype]:-} size most limit least
	((${#arguments[@]} == 1)) || end_by_kickstart "$line" 'Mount point required for part'
	[[ ! ${given[--noformat]:-} && ! ${given[--onpart]:-} ]] || refuse_storage 'existing partitions'
	number "${given[--size]:-}"; size=$REPLY
	number "${given[--maxsize]:-}"; most=$REPLY
	case $mount:$kind in
	pv.* | raid.* | btrfs.*) refuse_storage "$mount" ;;
	swap:* | *:swap) mount='' kind=swap ;;
	biosboot:* | *:biosboot) mount='' kind=biosboot ;;
	/boot/efi:* | *:efi) mount=/boot/efi kind=efi ;;
	/*) mount=/${mount#/} mount=${mount%/} mount=${mount:-/} kind=${kind:-xfs} ;;
	*) refuse_storage "mount point $mount" ;;
	esac
	case $kind in
	xfs) least=300 ;;
	ext[234] | vfat) least=16 ;;
	efi | biosboot | swap) least=1 ;;
	*) refuse_storage "file system $kind" ;;
	esac
	if [[ $kind == swap && ${given[--recommended]:-} ]]; then size=1024; fi
	((size)) || [[ ${given[--grow]:-}${given[--recommended]:-} ]] ||
		end_by_kickstart "$line" 'Partition requires a size specification'
	((size >= least)) || size=$least
	limit=$size
	[[ ! ${given[--grow]:-} ]] || limit=$most
	want "$mount" "$kind" "$size" "$limit" "${given[--label]:-}"
}

# number TEXT: REPLY is a decimal number, 0 if TEXT is none.
number() { [[ $1 =~ ^[0-9]{1,12}$ ]] && REPLY=$((10#$1)) || REPLY=0; }

# place_partitions shares out the disk from the first MiB on; the last one is the
# backup partition table's. What may grow shares what is left evenly, and leaves
# to the others what is above its limit.
place_partitions() {
	local k add free=$((${bytes_of[$disk]} / 1048576 - 2)) growing=0
	read -ra order <<<"${ranks[*]}"
	for k in "${order[@]}"; do
		((free -= sizes[k], growing += sizes[k] != limits[k], 1))
	done
	((free >= 0)) || end_by_error "$no_space ($((-free)) MiB more are needed on $disk.)"
	for k in "${order[@]}"; do
		((sizes[k] != limits[k])) || continue
		add=$((free / growing--))
		((!limits[k] || sizes[k] + add <= limits[k])) || add=$((limits[k] > sizes[k] ? limits[k] - sizes[k] : 0))
		((sizes[k] += add, free -= add, 1))
	done
}

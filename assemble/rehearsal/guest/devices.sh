# Block devices and the volumes on them, by their names as in /dev.

devices=()                                        # in the order of their names
declare -A bytes_of read_only disk_of type_of label_of uuid_of # disk_of: the disk of a partition; type_of and so on: what blkid says

# scan_devices looks at all devices.
scan_devices() {
	local dir name key value
	devices=() disk_of=() type_of=() label_of=() uuid_of=()
	for dir in /sys/class/block/*; do
		name=${dir##*/}
		case $name in loop* | ram* | '*') continue ;; esac
		read -r value <"$dir/size"
		((value > 0)) || continue
		devices+=("$name")
		bytes_of[$name]=$((value * 512))
		read -r value <"$dir/ro"
		read_only[$name]=$value
		[[ -e $dir/partition ]] || continue
		while IFS='=' read -r key value; do
			[[ $key != DEVNAME ]] || disk_of[$name]=$value
		done <"$dir/../uevent"
	done
	# The values are escaped for a shell.
	# shellcheck disable=SC2162
	while IFS='=' read key value; do
		case $key in
		DEVNAME) name=${value#/dev/} ;;
		TYPE) type_of[$name]=$value ;;
		LABEL) label_of[$name]=$value ;;
		UUID) uuid_of[$name]=$value ;;
		esac
	done < <(blkid -c /dev/null -o export "${devices[@]/#//dev/}")
}

# find_volume NAME [medium]: device is the first that NAME means: LABEL=…, UUID=…
# or /dev/…. For stage 2 Anaconda's modules in dracut pass over a partition of a
# disk that is an ISO 9660 volume itself.
find_volume() {
	local whole
	for device in "${devices[@]}"; do
		whole=${disk_of[$device]:-none}
		if [[ ${2:-} && ${type_of[$whole]:-} == iso9660 ]]; then continue; fi
		case $1 in "LABEL=${label_of[$device]:-none}" | "UUID=${uuid_of[$device]:-none}" | "/dev/$device") return ;; esac
	done
	return 1
}

# wait_for NAME [medium] waits for a volume for two thirds of dracut's patience,
# after which dracut begins to complain.
wait_for() {
	local end=$((SECONDS + retry * 2 / 3))
	scan_devices
	until find_volume "$@"; do
		load_late
		((SECONDS <= end)) || return
		sleep 0.1
		scan_devices
	done
}

# find_disks: disks are those that can be installed to: whole, writable, and no
# medium of the installation.
find_disks() {
	local name
	scan_devices
	disks=()
	for name in "${devices[@]}"; do
		if [[ ! ${disk_of[$name]:-} && ${read_only[$name]} == 0 && $name != sr* && ${type_of[$name]:-} != iso9660 && ${label_of[$name]:-} != OEMDRV ]]; then
			disks+=("$name")
		fi
	done
}

# The kernel's modules, and the names of virtio ports.

# load_modules early|late: loads what /modules/order names. A second word in a
# line is the PCI class of hardware that may not be there. Late is what is loaded
# only when a volume is missing without it: SATA, which every q35 machine has
# and whose empty ports take half a second, and USB.
load_modules() {
	local file class when path classes='' said
	for path in /sys/bus/pci/devices/*/class; do
		[[ ! -e $path ]] || classes+=$(<"$path")' '
	done
	while read -r file class; do
		case $class in 0x0106* | 0x0c03*) when=late ;; *) when=early ;; esac
		if [[ $when != "$1" || $classes != *"$class"* || $fail:$file == panic-without-pvpanic:pvpanic* ]]; then continue; fi
		said=$(insmod "/modules/$file" 2>&1) && continue
		case $said in
		*'File exists'* | *'No such device'*) ;; # inside of the kernel; without its hardware
		*) journal systemd-modules-load 210 "Failed to insert module '${file%.ko}': ${said##*: }" ;;
		esac
	done </modules/order
}

# load_late loads the rest, once.
load_late() {
	[[ ! ${late:-} ]] || return
	late=yes
	load_modules late
}

# link_ports makes the links by which programs find virtio ports, as udev does.
link_ports() {
	local file name port
	[[ $fail != no-ports ]] || return
	mkdir /dev/virtio-ports
	for file in /sys/class/virtio-ports/*/name; do
		if [[ ! -e $file ]] || ! read -r name <"$file" || [[ $name == */* ]]; then continue; fi
		port=${file%/name}
		ln -s "../${port##*/}" "/dev/virtio-ports/$name"
	done
}

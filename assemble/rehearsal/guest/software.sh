# The software: packages of stage 2, and the boot files of the medium.

# install_packages: each line of packages.list is NAME-VERSION-RELEASE.ARCH, and
# FROM:TO for what is copied from the medium.
install_packages() {
	local packages=() nevra copies k=0
	note_packages
	[[ $fail != package-missing ]] || end_by_error 'Non interactive installation failed: Some packages, groups or modules are missing.

Problems in request:
missing packages: no-such-package'
	download_packages
	say 'Preparing transaction from installation source'
	mapfile -t packages </run/install/packages.list
	while read -r nevra copies; do
		name_arch "$nevra"
		say "Installing $REPLY ($((++k))/${#packages[@]})"
		if ((k == ${#packages[@]} / 2 + 1)); then
			at packages
			[[ $fail != disk-full ]] || transaction_failed "installing package $nevra needs 412MB more space on the / filesystem"
			[[ $fail != slow ]] || sleep 17
		fi
		[[ $fail != slow ]] || sleep 3
		install_package "$nevra" "$copies"
		echo "$nevra" >>/tmp/packages
		printf -v REPLY 'dnf: Installed: %s %(%s)T 00000000' "$nevra" -1
		log INFO anaconda "$REPLY"
	done </run/install/packages.list
	cp /tmp/packages $sysimage/usr/lib/rehearsal/packages # for rpm
	say 'Performing post-installation setup tasks'
	name_arch "${packages[0]}"
	say "Configuring $REPLY"
	[[ $fail != scriptlet ]] || transaction_failed 'Error in POSTIN scriptlet in rpm package badpost'
}

# download_packages leaves blocks that were written and are free again, as dnf
# does: the finished image must not have them.
download_packages() {
	local cache=$sysimage/var/cache
	say 'Downloading packages'
	mkdir -p $cache
	yes 'a downloaded package' | head -c 8M >$cache/packages
	sync $cache/packages
	rm $cache/packages
}

# install_package NEVRA COPIES
install_package() {
	local copy said to
	said=$(tar -x -f "$stage2" -C $sysimage --strip-components=2 "packages/$1" 2>&1 && for copy in $2; do
		to=$sysimage/${copy#*:}
		mkdir -p "${to%/*}" && cp "$repo/${copy%:*}" "$to" || exit
	done 2>&1) && return
	if [[ $said == *'No space left on device'* ]]; then
		transaction_failed "installing package $1 needs more space on the / filesystem: $said"
	fi
	transaction_failed "$said"
}

transaction_failed() { end_by_error "Non interactive installation failed: An error occurred during the transaction: $1"; }

# name_arch NEVRA: REPLY is NAME.ARCH, as Anaconda shows a package.
name_arch() {
	local nevra=${1%% *}
	REPLY=${nevra%-*-*}.${nevra##*.}
}

# note_packages says which packages of the kickstart cannot be installed.
note_packages() {
	local k line noted=''
	for k in "${!section_names[@]}"; do
		[[ ${section_names[k]} == %packages ]] || continue
		while read -r line; do
			line=${line%%#*}
			[[ ! $line || $line == -* ]] || noted+=", ${line%"${line##*[![:space:]]}"}"
		done <<<"${section_bodies[k]}"
	done
	[[ ! $noted ]] || say "rehearsal: these are noted, not installed: ${noted:2}"
}

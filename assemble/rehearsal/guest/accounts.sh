# The installed system's configuration out of the kickstart: names, accounts,
# passwords, keys.

configure_system() {
	local lang=en_US.UTF-8 keyboard=us timezone=UTC id
	each note_locale lang keyboard timezone
	echo "LANG=$lang" >$sysimage/etc/locale.conf
	echo "KEYMAP=$keyboard" >$sysimage/etc/vconsole.conf
	echo "$timezone" >$sysimage/etc/timezone
	printf %s "$fstab" >$sysimage/etc/fstab
	read -r id </proc/sys/kernel/random/uuid
	echo "${id//-/}" >$sysimage/etc/machine-id
}

note_locale() { printf -v "$command" %s "${arguments[0]:-${given[--vckeymap]:-${!command}}}"; }
note_hostname() { [[ ! ${given[--hostname]:-} ]] || echo "${given[--hostname]}" >$sysimage/etc/hostname; }

declare -A home=([root]=/root)

# create_users has the target's own tools make the accounts, as Anaconda does.
create_users() {
	each set_root_password rootpw
	each add_group group
	each add_user user
	each add_key sshkey
}

# on_target COMMAND…: runs it in the target.
on_target() { run chroot $sysimage "$@" || end_by_error 'The following error occurred during the installation:'$'\n\n'"$REPLY"; }

# set_password NAME PASSWORD
set_password() {
	local how=(-c SHA512)
	[[ ! ${given[--iscrypted]:-} ]] || how=(-e)
	[[ ! $2 ]] || on_target chpasswd "${how[@]}" <<<"$1:$2"
	[[ ! ${given[--lock]:-} ]] || on_target usermod -L "$1"
}

set_root_password() {
	set_password root "${arguments[0]:-}"
	[[ ! ${given[--allow-ssh]:-} ]] || echo 'PermitRootLogin yes' >$sysimage/etc/ssh/sshd_config.d/01-permitrootlogin.conf
}

add_group() { on_target groupadd ${given[--gid]:+-g "${given[--gid]}"} "${given[--name]}"; }

add_user() {
	local name=${given[--name]} options groups group number all=''
	options=(-m -K HOME_MODE=0700 -s "${given[--shell]:-/bin/bash}" -c "${given[--gecos]:-}" -d "${given[--homedir]:-/home/$name}")
	[[ ! ${given[--uid]:-} ]] || options+=(-u "${given[--uid]}")
	if [[ ${given[--gid]:-} ]]; then
		on_target groupadd -f -g "${given[--gid]}" "$name"
		options+=(-g "${given[--gid]}")
	else
		options+=(-U)
	fi
	IFS=, read -ra groups <<<"${given[--groups]:-}"
	for group in "${groups[@]}"; do # NAME or NAME(GID)
		number=${group#*"("} group=${group%%"("*}
		[[ $number == *")" ]] || number=''
		on_target groupadd -f ${number:+-g "${number%")"}"} "$group"
		all+=,$group
	done
	[[ ! $all ]] || options+=(-G "${all:1}")
	on_target useradd "${options[@]}" "$name"
	set_password "$name" "${given[--password]:-}"
	home[$name]=${given[--homedir]:-/home/$name}
}

add_key() {
	local name=${given[--username]} folder
	folder=${home[$name]:-/home/$name}/.ssh
	mkdir -p "$sysimage$folder"
	chmod 700 "$sysimage$folder"
	echo "${arguments[0]}" >>"$sysimage$folder/authorized_keys"
	chmod 600 "$sysimage$folder/authorized_keys"
	on_target chown -R "$name:" "$folder"
}

# store_kickstart keeps the kickstart in the image, as Anaconda does.
store_kickstart() {
	argument inst.nosave && [[ $REPLY == *all* || $REPLY == *input_ks* ]] && return
	install -m 600 $ks_path $sysimage/root/original-ks.cfg
}

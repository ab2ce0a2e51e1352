# Stage 1: what dracut and Anaconda's modules in it do until stage 2 runs.

readonly repo=/run/install/repo ks_path=/run/install/ks.cfg
readonly dracut_pid=848
# The hooks by which dracut waits for the kickstart and for stage 2.
readonly wait_kickstart='/lib/dracut/hooks/initqueue/finished/kickstart.sh: "[ -e /tmp/ks.cfg.done ]"'
readonly wait_stage2='/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2froot.sh: "[ -e "/dev/root" ]"'
retry=180         # dracut's patience in seconds
stage1_errors=''  # what dracut warned of, for the installer to say again

warn() { journal dracut-initqueue $dracut_pid "Warning: $1"; }

stage1() {
	local value=''
	argument rd.retry && [[ $REPLY =~ ^[0-9]+$ ]] && retry=$REPLY
	argument inst.ks && value=$REPLY
	if [[ $value == file:?* ]]; then
		kickstart_of_initramfs "$value"
	fi
	unit '' Starting dracut-initqueue.service 'dracut initqueue hook...'
	if [[ $value != file:?* ]]; then
		kickstart_of_volume "$value"
	fi
	warn_of_kickstart
	find_stage2
	at stage1
}

# kickstart_of_initramfs VALUE is dracut's cmdline hook for inst.ks=file:.
# Nothing waits for a file that is not there, and no volume is looked at in its
# place: the boot goes on without a kickstart.
kickstart_of_initramfs() {
	local path=${1#file:}
	unit '' Starting dracut-cmdline.service 'dracut cmdline hook...'
	[[ $fail != no-kickstart ]] || path=/no-such-file
	save_kickstart "$path" && return
	stage1_errors="inst.ks='$1'"$'\n'"can't find $path!"
	journal dracut-cmdline $((dracut_pid - 10)) "Warning: ${stage1_errors/$'\n'/$'\nWarning: '}"
}

# save_kickstart FILE puts it where stage 2 looks for it.
save_kickstart() { mkdir -p ${ks_path%/*} && cp "$1" $ks_path 2>/dev/null; }

# kickstart_of_volume VALUE waits for the volume that inst.ks= names, or OEMDRV.
kickstart_of_volume() {
	local label path said
	volume "$1" || label=OEMDRV path=/ks.cfg
	[[ $fail != no-oemdrv ]] || label='no such volume'
	wait_for "LABEL=$label" || end_in_dracut "$wait_kickstart"
	journal dracut-initqueue $dracut_pid "Examining /dev/$device"
	journal dracut-initqueue $((dracut_pid + 1)) 'mount: /media/DD-1: WARNING: source write-protected, mounted read-only.'
	mount_volume /run/install/oemdrv
	[[ $fail != no-kickstart ]] || path=/no-such-file
	if ! save_kickstart "/run/install/oemdrv$path"; then
		said="Can't get kickstart from /dev/$device:$path"
		warn "$said"
		end_in_dracut "$wait_kickstart" "$said"
	fi
	umount /run/install/oemdrv
}

# mount_volume FOLDER mounts the device read-only.
mount_volume() { mkdir -p "$1" && mount -r -t "${type_of[$device]}" "/dev/$device" "$1"; }

# warn_of_kickstart is what Anaconda's parse-kickstart says in stage 1: every
# wrong command, none of them fatal yet.
warn_of_kickstart() {
	local k
	[[ -e $ks_path ]] || return
	read_kickstart $ks_path
	for k in "${!error_texts[@]}"; do
		journal dracut-initqueue $dracut_pid "The following problem occurred on line ${error_lines[k]} of the kickstart file:"$'\n'"${error_texts[k]}"
	done
}

# find_stage2 mounts the installation medium. The installer's own environment
# becomes what the installed system is: the programs are in stage 2.
find_stage2() {
	local label='' path=''
	argument inst.stage2 && volume "$REPLY"
	[[ $fail != stage2-missing ]] || label='no such volume'
	if ! wait_for "LABEL=$label" medium || ! mount_volume $repo; then end_in_dracut "$wait_stage2"; fi
	[[ $fail != media-check ]] || end_by_media_check
	stage2=$repo${path:-/images/install.img}
	if ! tar -x -f "$stage2" -C / --strip-components=2 || ! tar -x -f "$stage2" -C /run/install packages.list grub-prefix; then
		warn "anaconda: no suitable images: $stage2"
		end_in_dracut "$wait_stage2"
	fi
}

# end_in_dracut HOOK [REASON]: the block of errors again and again for the last
# third of dracut's patience, then the emergency shell or what rd.emergency says.
end_in_dracut() {
	local end=$((SECONDS + retry / 3)) line
	while :; do
		for line in \
			'dracut-initqueue: timeout, still waiting for following initqueue hooks:' \
			"$1" \
			'dracut-initqueue: starting timeout scripts' \
			'############# Anaconda installer errors begin #############' \
			'#                                                         #' \
			'It seems that the boot has failed. Possible causes include' \
			'missing inst.stage2 or inst.repo boot parameters on the' \
			'kernel cmdline. Please verify that you have specified' \
			'inst.stage2 or inst.repo.' \
			"Please also note that the 'inst.' prefix is now mandatory." \
			'#                                                         #' \
			'####     Installer errors encountered during boot:     ####' \
			'#                                                         #' \
			"${2:-Reason unknown}" \
			'#                                                         #' \
			'############# Anaconda installer errors end ###############'; do
			warn "$line"
		done
		((SECONDS <= end)) || break
		sleep 2.2
	done
	warn 'Could not boot.'
	if flag rd.shell || ! argument rd.shell; then end_in_emergency "$1"; fi
	warn 'Boot has failed. To debug this issue add "rd.shell rd.debug" to the kernel command line.'
	argument rd.emergency
	case $REPLY in poweroff | reboot | halt) power "$REPLY" ;; esac
	end_silently
}

# end_in_emergency [HOOK] is dracut's emergency shell.
end_in_emergency() {
	unit '' Starting dracut-emergency.service 'Dracut Emergency Shell..'
	[[ ${1:-} != "$wait_stage2" ]] || echo 'Warning: /dev/root does not exist'
	echo '
Generating "/run/initramfs/rdsosreport.txt"


Entering emergency mode. Exit the shell to continue.
Type "journalctl" to view system logs.
You might want to save "/run/initramfs/rdsosreport.txt" to a USB stick or /boot
after mounting them and attach it to a bug report.

'
	end_at_sulogin
}

end_at_sulogin() {
	echo '
Cannot open access to console, the root account is locked.
See sulogin(8) man page for more details.

Press Enter to continue.'
	end_silently
}

end_by_media_check() {
	warn 'Media check failed! We do not recommend using this medium. System will halt in 12 hours'
	sleep 12h
	journal dracut-initqueue $dracut_pid 'dracut: FATAL: Media check failed!'
	power halt
}

# start_stage2 is systemd's part between dracut and Anaconda.
start_stage2() {
	unit OK Finished dracut-initqueue.service 'dracut initqueue hook'
	unit OK 'Reached target' initrd-switch-root.target 'Switch Root'
	unit '' Starting initrd-switch-root.service 'Switch Root..'
	journal systemd-journald 259 'Received SIGTERM from PID 1 (systemd).'
	printf '\r\nWelcome to \e[1m%s (imgasm rehearsal)\e[0m!\r\n\r\n' "$product"
	at stage2
	echo 1 >/proc/sys/kernel/printk # as anaconda-pre does: from here on only panics and the end are seen
	unit OK Started anaconda-pre.service 'pre-anaconda logging service'
	case $fail in tmux | tmux-kickstart | clock) ;; *) ! flag inst.notmux || return ;; esac
	unit OK Started anaconda.service Anaconda
	screen_attach
}

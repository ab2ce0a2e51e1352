# Failures on demand (package failures): at which point of an installation each
# is done, and how. What is the absence of something is asked about where that
# thing is looked for.

# at POINT does what the failure on demand wants done there: boot (nothing said
# yet), stage1 (kickstart and stage 2 are found), stage2 (systemd runs), start
# (Anaconda has greeted), pre (%pre has run), hub, packages (in the middle of
# them), and the titles of the steps.
at() {
	case $fail:$1 in
	panic:packages | panic-without-pvpanic:packages) end_by_panic ;;
	silent:boot) end_silently ;;
	emergency-shell:boot) end_in_emergency ;;
	systemd-emergency:stage2) end_in_systemd_emergency ;;
	low-memory:start) end_by_low_memory ;;
	pre-error:pre) end_by_pre_script 1 'about to fail' ;;
	dots:hub) while :; do begin .; sleep 1; done ;;
	hub-prompt:hub) end_at_hub ;;
	repository:hub) end_by_error "Failed to download metadata for repo 'anaconda': Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried" ;;
	clock:packages) while :; do screen_clock; sleep 1; done ;;
	hang:packages) while :; do :; done ;;
	watchdog:packages) end_by_watchdog ;;
	host-no-space:packages) fill_disk ;;
	out-of-memory:packages) end_out_of_memory ;;
	crash:packages) end_by_crash "KeyError: 'imgasm-rehearsal'" ;;
	poweroff-early:packages) shut_down poweroff ;;
	reboot-early:packages) power reboot ;;
	flood:packages) flood ;;
	garbage:start | garbage:packages) garbage ;;
	kernel-bug:stage1 | kernel-bug:packages) kernel_bugs ;;
	quiet-writer:packages) write_quietly ;;
	post-error:'Running post-installation scripts') end_by_script 2 'about to fail' ;;
	esac
}

end_by_panic() {
	echo 7 >/proc/sys/kernel/printk
	echo 1 >/proc/sys/kernel/sysrq
	echo c >/proc/sysrq-trigger
	exit 1 # the kernel does not survive that either
}

end_in_systemd_emergency() {
	unit FAILED 'Failed to start' systemd-remount-fs.service 'Remount Root and Kernel File Systems'
	unit DEPEND 'Dependency failed for' local-fs.target 'Local File Systems'
	echo 'You are in emergency mode. After logging in, type "journalctl -xb" to view
system logs, "systemctl reboot" to reboot, or "exit"
to continue bootup.'
	end_at_sulogin
}

end_by_low_memory() {
	say "$product requires 1070 MB of memory to install, but you only have 480 MB on this machine."
	begin $'\nPress ENTER to continue: '
	end_silently
}

end_at_hub() {
	say ".
$(hub '!' '(Processing...)                          (Installation source not set up)' '(Kickstart insufficient)                 (Connected: eth0)')

Please make a selection from the above ['b' to begin installation, 'h' to help,
'q' to quit,"
	begin "'r' to refresh]: "
	end_silently
}

# end_by_watchdog arms the watchdog with 4 seconds and feeds it never again.
end_by_watchdog() {
	busybox watchdog -T 4 -t 3600 /dev/watchdog || say 'rehearsal: no watchdog to starve'
	end_silently
}

# fill_disk writes what cannot be compressed over the free space of the target.
# The image must not keep it.
fill_disk() {
	head -c 1M /dev/urandom >/tmp/block
	while dd if=/tmp/block of=$sysimage/.fill oflag=append conv=notrunc,fsync; do :; done 2>/dev/null
	rm $sysimage/.fill
	sync
	fstrim $sysimage
}

# end_out_of_memory lets the kernel kill what stands for the installer: tail
# keeps a line without end.
end_out_of_memory() {
	local code=0
	(
		echo 1000 >/proc/self/oom_score_adj
		exec tail -n 1 /dev/zero
	) || code=$?
	log ERR kernel "Out of memory: Killed process $anaconda_pid (anaconda) total-vm:4194304kB, anon-rss:1843200kB"
	log WARNING systemd "anaconda-direct.service: Main process exited, code=killed, status=9/KILL ($code)"
	end_of_service
}

# flood writes 100 MB of lines, as a driver gone wild would.
flood() {
	local now k
	read -r now _ </proc/uptime
	seq -f "[    ${now}0000] flood: line %.0f of a program that will not stop talking on this console" 11000 | head -c 1M >/tmp/flood
	for ((k = 0; k < 100; k++)); do cat /tmp/flood; done
}

# garbage writes what no reader should stumble over: random bytes, escape
# sequences without end, and one line of 200 kB.
garbage() {
	head -c 4096 /dev/urandom
	printf '\e[\e[999;999;999\e]0;title without end\a\e[2J\e[H\0\0\xff\xfe\xc3\x28\r\r\r\n'
	printf '%.s0123456789' {1..20000}
	printf '\r\n\xc9\xcd\xcd\xbb\r\n\xba  \xba\r\n\xc8\xcd\xcd\xbc\e[0m\r\n'
}

# kernel_bugs shows kernel complaints after which all goes on.
kernel_bugs() {
	local now line
	read -r now _ </proc/uptime
	for line in 'BUG: Bad page map in process systemd-udevd  pte:8000000002a5b025 pmd:02a5b067' \
		'watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kworker/1:1:41]' \
		'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:' \
		'INFO: task kworker/u4:2:57 blocked for more than 120 seconds.' \
		'WARNING: CPU: 0 PID: 1 at kernel/rehearsal.c:1 rehearsal+0x1/0x2' \
		'Call Trace:' ' <TASK>' ' dump_stack_lvl+0x44/0x5c' ' </TASK>' '---[ end trace 0000000000000000 ]---'; do
		printf '[%12.6f] %s\n' "$now" "$line"
	done
}

# write_quietly writes to the target for forty seconds without a word.
write_quietly() {
	local k
	for ((k = 0; k < 40; k++)); do
		dd if=/dev/urandom of=$sysimage/.quiet bs=64K count=1 seek=$k conv=notrunc,fsync 2>/dev/null
		sleep 1
	done
	rm $sysimage/.quiet
}

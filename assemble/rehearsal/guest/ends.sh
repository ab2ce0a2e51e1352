# How an installation ends: what Anaconda and systemd say, and what the machine
# does afterwards.

# power poweroff|reboot|halt
power() {
	sync
	busybox "$1" -f
	end_silently
}

# shut_down HOW is systemd's end of the installer's system.
shut_down() {
	if [[ $tmux ]]; then
		screen_detach
	else
		unit OK Stopped anaconda-direct.service 'the anaconda installation program'
	fi
	unit OK Unmounted mnt-sysimage.mount /mnt/sysimage
	if [[ $1 == reboot ]]; then
		unit OK 'Reached target' reboot.target 'System Reboot'
		printf 'Rebooting.\r\n'
	else
		unit OK 'Reached target' poweroff.target 'System Power Off'
		printf 'Powering off.\r\n'
	fi
	power "$1"
}

# ending: REPLY is the last of reboot, poweroff, shutdown and halt in the
# kickstart, shutdown being poweroff; empty if there is none.
ending() {
	local name
	REPLY=''
	for name in "${command_names[@]}"; do
		case $name in
		reboot | poweroff | halt) REPLY=$name ;;
		shutdown) REPLY=poweroff ;;
		esac
	done
}

# end_complete says that all is done and ends as the kickstart asks.
end_complete() {
	say 'Complete!'
	say 'Installation complete'
	say '
Use of this product is subject to the license agreement found at:
/usr/share/almalinux-release/EULA
'
	ending
	if [[ $fail == waits-for-enter || ! $REPLY || $REPLY == halt ]]; then
		begin 'Installation complete. Press ENTER to quit: '
		# Nobody presses it. The power button ends the machine, by acpid's poweroff.
		trap 'unmount_target; shut_down poweroff' USR2
		acpid -c /etc/acpi -l /dev/null -p /run/acpid.pid
		while :; do sleep 1; done
	fi
	unmount_target
	ending
	shut_down "$REPLY"
}

# end_by_kickstart LINE TEXT is an error of the kickstart file: the process exits
# before it has told systemd to end the machine, which therefore stays up. LINE
# is 0 where no single one is to blame.
end_by_kickstart() {
	local where=''
	(($1 == 0)) || where="The following problem occurred on line $1 of the kickstart file:

"
	say "
An error occurred during reading the kickstart file:
$where$2

The installer will now terminate."
	log CRIT anaconda "anaconda: startup_utils: kickstart line $1: $2"
	sleep 10
	end_of_service
}

# end_by_pre_script LINE OUTPUT is a %pre --erroronfail: no handler is installed
# yet, so the exception is a traceback.
end_by_pre_script() {
	say "Traceback (most recent call last):
  File \"/sbin/anaconda\", line 372, in <module>
    kickstart.run_pre_scripts(path)
  File \"/usr/lib64/python3.12/site-packages/pyanaconda/kickstart.py\", line 366, in runPreScripts
    script.run(\"/\")
pyanaconda.errors.ScriptError: ($1, '${2%%$'\n'*}')"
	end_of_service
}

# end_of_service is what systemd says of a dead installer. In tmux the pane shows
# it and stays; otherwise a second, hidden installer starts, and the console is
# silent for ever.
end_of_service() {
	local now
	if [[ $tmux ]]; then
		printf -v now '%(%a %b %e %T %Y)T' -1
		say $'\n'"Pane is dead (status 1, $now)"
		end_silently
	fi
	unit FAILED 'Failed to start' anaconda-direct.service 'the anaconda installation program'
	printf "See 'systemctl status anaconda-direct.service' for details.\r\n"
	unit OK 'Reached target' anaconda.target 'Anaconda System Services'
	unit '' Starting anaconda.service Anaconda..
	unit OK Started anaconda.service Anaconda
	end_silently
}

# end_by_error TEXT ends as Anaconda does in cmdline mode: the text, %onerror,
# three minutes, then as the kickstart says.
end_by_error() {
	end_with "$1" "The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. \
Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. 
The exact error message is: 

Non interactive installation failed: $1. "
}

# end_by_crash TEXT is an exception that nothing handles.
end_by_crash() {
	end_with "$1" "Traceback (most recent call last):
  File \"/usr/lib64/python3.12/site-packages/pyanaconda/installation_tasks.py\", line 209, in _run
    item.start()
$1

Running in cmdline mode, no interactive debugging allowed.
The exact error message is: 

$1."
}

end_with() {
	log CRIT anaconda "anaconda: exception: Traceback (most recent call last):"$'\n'"$1"
	say $'\n'"$2"$'\n\nThe installer will now terminate.'
	run_scripts %onerror
	sleep 180
	unmount_target
	ending
	shut_down "${REPLY:-reboot}"
}

# end_by_script LINE OUTPUT is a failed --erroronfail script after the hub: a box,
# and a prompt that a journal never shows.
end_by_script() {
	say "$rule
$rule
Error

$(indent "There was an error running the kickstart script at line $1.  This is a fatal error and installation will be aborted.  The details of this error are:")
  
$(indent "$2")"
	begin $'\nPress ENTER to exit: '
	end_silently
}

# indent TEXT wraps it at 80 columns behind two blanks, as simpleline's dialogs do.
indent() { fold -s -w 76 <<<"$1" | sed 's/ *$//; s/^./  &/'; }

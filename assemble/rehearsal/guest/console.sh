# What the guest says on its console, which is everybody's standard output: the
# forms of journald (inst.notmux) and of systemd; those of tmux are in screen.sh.
# The line discipline makes "\r\n" of "\n".

readonly anaconda_pid=1801
tmux=''    # the screen is tmux's
pending='' # what begin began and no line end has closed

# journal PROGRAM PID TEXT: lines as journald copies them to the console, with
# the time since the kernel began. Empty ones vanish there.
journal() {
	local now line lines
	read -r now _ </proc/uptime
	mapfile -t lines <<<"$3"
	for line in "${lines[@]}"; do
		[[ $line != *[![:space:]]* ]] || printf '[%12.6f] %s[%d]: %s\n' "$now" "$1" "$2" "$line"
	done
}

# say TEXT: what Anaconda prints, one or more lines.
say() {
	local text=$pending$1 line lines
	pending=''
	[[ $tmux ]] || { journal anaconda $anaconda_pid "$text"; return; }
	mapfile -t lines <<<"$text"
	for line in "${lines[@]}"; do screen_line "$line"; done
}

# begin TEXT: what Anaconda prints without a line end, a dot or a prompt. Under
# journald nothing of it is seen until the line ends; in tmux at once.
begin() {
	pending+=$1
	[[ ! $tmux ]] || screen_begin "$pending"
}

# unit STATE VERB UNIT DESCRIPTION: one of systemd's status lines. STATE is OK,
# FAILED, DEPEND or empty. The middle of what is over 80 columns becomes "…".
unit() {
	local name=$3 rest=" - $4" whole="$3 - $4" mark='        '
	local room=$((79 - 10 - ${#2} - 2))
	if ((${#whole} > room + 2 && ${#3} <= room / 3)); then
		rest=…${whole: -(room - ${#3} - 1)}
	elif ((${#whole} > room + 2)); then
		name=${whole:0:room / 3}… rest=${whole: -(room - room / 3 - 1)}
	fi
	case $1 in
	OK) mark=$'[\e[0;32m  OK  \e[0m]' ;;
	FAILED) mark=$'[\e[0;1;31mFAILED\e[0m]' ;;
	DEPEND) mark=$'[\e[0;1;38:5;185mDEPEND\e[0m]' ;;
	esac
	# PID 1 ends its lines with "\r\n" itself and the terminal adds another "\r".
	printf '%s %s \e[0;1;39m%s\e[0m%s.\r\n' "$mark" "$2" "$name" "$rest"
}

end_silently() { while :; do sleep 3600; done; }

# Anaconda's log: /tmp/anaconda.log, and the virtio port that rsyslog writes to.

readonly anaconda_log=/tmp/anaconda.log port_log=/tmp/port.log

# open_log sends the lines to the port of inst.virtiolog, or Anaconda's own, if
# there is one. A host that does not read it does not stop the installation.
open_log() {
	local port=org.fedoraproject.anaconda.log.0
	argument inst.virtiolog && port=${REPLY##*/}
	: >$port_log
	if [[ $fail == no-log-port || ! -e /dev/virtio-ports/$port ]]; then return; fi
	tail -n +1 -f $port_log >"/dev/virtio-ports/$port" &
	unit '' Stopping rsyslog.service 'System Logging Service..'
	unit OK Started rsyslog.service 'System Logging Service'
}

# log SEVERITY PROGRAM TEXT, in the form of rsyslog's template:
#	11:33:24,440 INFO anaconda:anaconda: main: /sbin/anaconda 40.22.3.46
# and Anaconda's own messages in that of its file:
#	11:33:24,440 INF main: /sbin/anaconda 40.22.3.46
log() {
	local now=$EPOCHREALTIME time short=$1
	printf -v time '%(%T)T,%s' "${now%.*}" "${now: -6:3}"
	printf '%s %s %s:%s\n' "$time" "$1" "$2" "${3//$'\n'/#012}" >>$port_log # rsyslog escapes line ends
	if [[ $2:$3 == anaconda:anaconda:* ]]; then
		case $1 in DEBUG) short=DBG ;; INFO) short=INF ;; ERR) ;; CRIT) short=CRT ;; esac
		printf '%s %s %s\n' "$time" "$short" "${3#anaconda: }" >>$anaconda_log
	fi
}

# info MODULE TEXT: a message of Anaconda's main logger.
info() { log INFO anaconda "anaconda: $1: $2"; }

# run COMMAND…: runs a tool. What it says goes to the log of programs, and with
# the command to REPLY if it fails.
run() {
	local said line lines code=0
	said=$("$@" 2>&1) || code=$?
	info program "Running... $*"
	mapfile -t lines <<<"$said"
	for line in "${lines[@]}"; do
		[[ ! $line ]] || log INFO program "program: $line"
	done
	REPLY="$*: exit status $code: $said"
	return $code
}

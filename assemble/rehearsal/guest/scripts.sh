# The kickstart's scripts: %pre, %pre-install, %post, %onerror.

# run_scripts SECTION [ROOT]: runs all sections of a name, in order, below ROOT
# unless they have --nochroot. One with --erroronfail that fails ends all.
run_scripts() {
	local k root code line lines
	for k in "${!section_names[@]}"; do
		[[ ${section_names[k]} == "$1" ]] || continue
		split "${section_texts[k]}" && decode
		root=${2:-} code=0
		[[ ! ${given[--nochroot]:-} ]] || root=''
		run_script "${section_lines[k]}" "${section_bodies[k]}" "$root" || code=$?
		info core.kickstart "Running kickstart script at line ${section_lines[k]}: exit status $code"
		mapfile -t lines </tmp/ks-output
		for line in "${lines[@]}"; do
			[[ ! $line ]] || log INFO program "program: $line"
		done
		((code)) || continue
		log ERR anaconda "anaconda: kickstart: Error code $code running the kickstart script at line ${section_lines[k]}"
		case ${given[--erroronfail]:-no}:$1 in
		no:* | *:%onerror) ;;
		*:%pre) end_by_pre_script "${section_lines[k]}" "$(</tmp/ks-output)" ;;
		*) end_by_script "${section_lines[k]}" "$(</tmp/ks-output)" ;;
		esac
	done
}

# run_script LINE BODY ROOT: runs one as its header in given says, and keeps the
# end of its output, 64 KiB at most, in /tmp/ks-output.
run_script() {
	local root=$3 file=/tmp/ks-script-$1 log=/dev/null code
	local shell=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root)
	if [[ $root ]]; then shell+=(chroot "$root"); else shell+=("ANA_INSTALL_PATH=$sysimage"); fi
	[[ ! ${given[--log]:-} ]] || log=$root${given[--log]}
	printf %s "$2" >"$root$file"
	"${shell[@]}" "${given[--interpreter]:-/bin/sh}" "$file" </dev/null 2>&1 | keep_log "$log" | tail -c 64K >/tmp/ks-output
	code=${PIPESTATUS[0]}
	rm -f "$root$file"
	cat /tmp/ks-output >>/tmp/program.log
	return "$code"
}

# keep_log FILE passes its input on and keeps the first 16 MiB: the file may lie
# in memory. The script learns nothing of a full disk.
keep_log() {
	local byte
	head -c "${log_limit:-16M}" | tee -a "$1"
	IFS= read -rN 1 byte || return 0
	echo 'the rehearsal: the rest is left out' >>"$1"
	printf %s "$byte"
	cat
} 2>/dev/null

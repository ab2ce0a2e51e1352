# Completion of imgasm for bash 4.0 and newer: source <(imgasm completion bash)
# imgasm itself says what may follow. This divides the line, leaves out what
# stands before a colon or an equals sign, as readline does, and quotes.
_imgasm() {
	local line=${COMP_LINE:0:COMP_POINT} word prefix one
	local -a words found
	COMPREPLY=()
	if [[ $line == *[\"\']* ]]; then
		compopt -o default
		return
	fi
	IFS=$' \t\n' read -a words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	word=${words[${#words[@]} - 1]}
	prefix=${word%"${word##*[:=]}"}
	mapfile -t found < <("$1" complete "${words[@]}" 2>/dev/null)
	for one in "${found[@]}"; do
		one=${one%%$'\t'*}
		[[ $one == *[/:=] ]] && compopt -o nospace
		printf -v one %q "${one#"$prefix"}"
		[[ $one == \\~/* ]] && one=${one:1}
		COMPREPLY+=("$one")
	done
}
complete -F _imgasm imgasm

#compdef imgasm
# Completion of imgasm for zsh: source <(imgasm completion zsh) behind compinit,
# or this file as _imgasm in a folder of $fpath. imgasm itself says what may follow.
_imgasm() {
	local -a found plain open
	local line value text
	found=("${(@f)$("${(@Q)words[1]}" complete "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
	if [[ $PREFIX == '~/'* ]]; then
		compset -P '\~/'
		found=("${(@)found#'~/'}")
	fi
	for line in $found; do
		value=${line%%$'\t'*}
		if [[ $value == *[/:=] ]]; then
			open+=("$value")
		else
			text=${line#*$'\t'}
			plain+=("${value//:/\\:}${text:+:$text}")
		fi
	done
	(( $#plain )) && _describe 'imgasm' plain
	(( $#open )) && compadd -S '' -a open
}
if [[ ${funcstack[1]} == _imgasm ]]; then
	_imgasm "$@"
else
	compdef _imgasm imgasm
fi

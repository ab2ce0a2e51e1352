# The kernel's command line.

words=() # its words
fail=''  # the failure on demand (package failures); empty: none

# read_arguments TEXT: sets words as the kernel reads them: blanks separate them,
# double quotes keep blanks inside a word, and nothing else has a meaning.
read_arguments() {
	local text=${1//\\/\\\\}
	text=${text//#/\\#}
	split "${text//\'/\\\'}"
	words=("${split[@]}")
}

# argument NAME: REPLY is the value of the last NAME=VALUE.
argument() {
	local word found=1
	for word in "${words[@]}"; do
		[[ $word != "$1="* ]] || { REPLY=${word#*=} found=0; }
	done
	return $found
}

# flag NAME: whether the last NAME stands alone or has a value other than 0.
flag() {
	local word found=1
	for word in "${words[@]}"; do
		case $word in
		"$1=0" | "$1=no" | "$1=off") found=1 ;;
		"$1" | "$1="*) found=0 ;;
		esac
	done
	return $found
}

# volume VALUE: label and path of "hd:LABEL=NAME:/path", the form of inst.stage2,
# and of inst.ks for a kickstart on a volume. Blanks in the label are "\x20".
volume() {
	[[ $1 == hd:LABEL=[!:]* ]] || return
	label=${1#hd:LABEL=} path=''
	[[ $label != *:* ]] || path=${label#*:} label=${label%%:*}
	label=${label//'\x20'/ }
}

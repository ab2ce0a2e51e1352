# The kickstart: its commands and sections, as far as the rehearsal acts on them.
# Which names there are is in dialect.sh, written out of imgasm's own table:
# dialect[COMMAND] is active, raw (its words are not read), deprecated, removed,
# absent or not yet there, and dialect["COMMAND OPTION"] the option's first name,
# with "=" if it takes a value. What else may be wrong `imgasm kickstart lint` says
# before the machine starts.

# read_kickstart FILE [follow]: reads the file, and with follow what it includes.
read_kickstart() {
	command_names=() command_lines=() command_texts=()                   # in order
	section_names=() section_lines=() section_texts=() section_bodies=() # texts are headers
	error_lines=() error_texts=() warnings=()                            # the installer stops at errors
	case $fail in kickstart | tmux-kickstart) refuse 1 'Unknown command: frobnicate' ;; esac
	read_part "$1" "${2:-}" 0
}

refuse() { error_lines+=("$1") error_texts+=("$2"); } # LINE TEXT

# read_part FILE FOLLOW DEPTH: lines that Anaconda's parser reads in a section end
# at %end, or before a line that opens another one.
read_part() {
	local lines text first line section='' opened=0
	mapfile -t lines <"$1"
	for ((line = 1; line <= ${#lines[@]}; line++)); do
		text=${lines[line - 1]}
		first=${text#"${text%%[![:space:]]*}"} first=${first%%[[:space:]]*}
		if [[ $section && $first == %end ]]; then
			section=''
		elif [[ $section && ($first != %* || ! ${dialect[$first]:-}) && ($first != %include || $section != %packages) ]]; then
			section_bodies[-1]+=$text$'\n'
		elif [[ ! $first || $first == '#'* ]]; then
			:
		elif [[ $first == %include ]]; then
			include "$text" $line "$2" "$3" "$section"
		elif [[ $first == %* ]]; then
			[[ ! $section ]] || refuse $opened "Section $section does not end with %end."
			section=$first opened=$line
			[[ ${dialect[$first]:-removed} != removed ]] || refuse $line "Unknown kickstart section: $first"
			[[ ${dialect[$first]:-} != deprecated ]] || warnings+=("line $line: $first is deprecated")
			section_names+=("$first") section_lines+=("$line") section_texts+=("$text") section_bodies+=('')
		else
			check_command "$text" $line
			command_names+=("${split[0]:-$first}") command_lines+=("$line") command_texts+=("$text")
		fi
	done
	[[ ! $section ]] || refuse $opened "Section $section does not end with %end."
}

# include TEXT LINE FOLLOW DEPTH SECTION: a line %include.
include() {
	local name
	if ! split "$1"; then refuse "$2" 'No closing quotation'; return; fi
	name=${split[1]:-}
	if [[ ! $3 ]]; then
		return
	elif [[ ! -r $name || -d $name ]]; then
		refuse "$2" "Unable to open input kickstart file: Error opening file: open $name: no such file or directory"
	elif [[ $5 ]]; then
		section_bodies[-1]+=$(<"$name")$'\n'
	elif (($4 < 10)); then
		read_part "$name" "$3" $(($4 + 1))
	fi
}

check_command() { # TEXT LINE
	local name
	if ! split "$1"; then refuse "$2" 'No closing quotation'; return; fi
	name=${split[0]}
	case ${name:+${dialect[$name]:-}} in
	'' | not*) refuse "$2" "Unknown command: $name" ;;
	removed | absent) refuse "$2" "$name has been removed." ;;
	deprecated) warnings+=("line $2: $name is deprecated") ;;
	active) decode || refuse "$2" "$REPLY" ;;
	esac
}

# split TEXT: the array split has its words, by the rules of a POSIX shell without
# expansions. "#" begins a comment in the middle of a word too. It fails where a
# quotation mark is not closed.
split() {
	local rest=$1 word part mark
	split=()
	while rest=${rest#"${rest%%[![:space:]]*}"}; [[ $rest && $rest != '#'* ]]; do
		word=''
		while [[ $rest && $rest != [[:space:]#]* ]]; do
			mark=''
			case $rest in
			\\*) word+=${rest:1:1} rest=${rest:2} ;;
			[\"\']*)
				mark=${rest:0:1} rest=${rest:1}
				while part=${rest%%[\\"$mark"]*}; [[ $rest != "$part" ]]; do
					word+=$part rest=${rest#"$part"}
					case $mark$rest in
					"$mark$mark"*) rest=${rest:1} mark=''; break ;;
					'"\'[\"\\]*) word+=${rest:1:1} rest=${rest:2} ;;
					*) word+=\\ rest=${rest:1} ;;
					esac
				done
				[[ ! $mark ]] || return
				;;
			*)
				part=${rest%%[[:space:]#\"\'\\]*}
				word+=$part rest=${rest#"$part"}
				;;
			esac
		done
		split+=("$word")
	done
}

# decode reads the command or header in split as argparse does, but for options
# that are not written in full: given[OPTION] are values by the options' first
# names, and arguments what is none. REPLY tells why it fails.
decode() {
	local name=${split[0]} word option known k
	given=() arguments=()
	for ((k = 1; k < ${#split[@]}; k++)); do
		word=${split[k]} option=${word%%=*}
		if [[ $word != -?* || $word == *' '* && ! ${dialect["$name $option"]:-} ]]; then
			arguments+=("$word")
			continue
		fi
		known=${dialect["$name $option"]:-}
		case $known in
		'')
			REPLY="unrecognized arguments: $word"
			return 1
			;;
		*[!=]) given[$known]=yes ;;
		*)
			if [[ $word == *=* ]]; then
				given[${known%=}]=${word#*=}
			elif ((k + 1 < ${#split[@]})) && [[ ${split[k + 1]} != -?* ]]; then
				given[${known%=}]=${split[++k]}
			else
				REPLY="argument $option: expected one argument"
				return 1
			fi
			;;
		esac
	done
}

declare -A given

# each DO NAME… runs DO for every command of one of the names, decoded; command
# is its name and line where it stands.
each() {
	local k do=$1 command line
	for k in "${!command_names[@]}"; do
		command=${command_names[k]} line=${command_lines[k]}
		[[ " ${*:2} " == *" $command "* ]] || continue
		split "${command_texts[k]}" && decode
		$do
	done
}

# Completion of imgasm for fish 3.4 and newer: imgasm completion fish | source
# imgasm itself says what may follow.
complete -c imgasm -f -a '(imgasm complete (commandline -opc) "$(commandline -ct | string unescape)" 2>/dev/null)'

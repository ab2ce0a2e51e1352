# Anaconda inside tmux 3.5 on a vt220 of 80x24: the byte stream is a repainted
# screen, not lines. The last row is tmux's status line.

readonly pane=23
readonly status='[anaconda]1:main* 2:shell  3:log  4:storage-log >Switch tab: Alt+Tab | Help: F1 '
screen=() # what the pane shows, newest last
painted=0 # lines since the last full repaint

# screen_attach is what tmux sends to its terminal first, and an empty screen.
screen_attach() {
	tmux=yes
	printf '\e[32766;32766H\e[6n\e[H\e[J\e[?25h\e[?2004h\e[m\e(B\e[?25h\e[1;1H\e[1;24r\e[c\e[>c\e[>q\e]10;?\e\\\e]11;?\e\\'
	screen_repaint
}

# screen_repaint draws the whole screen again: what was said before appears a
# second time in the stream.
screen_repaint() {
	local first=$((${#screen[@]} > pane ? ${#screen[@]} - pane : 0)) k text=''
	for ((k = first; k < first + pane; k++)); do text+=${screen[k]:-}$'\e[K\n'; done
	k=$((${#screen[@]} < pane ? ${#screen[@]} + 1 : pane))
	printf '\e[1;1H\e[?25l%s\e[7m%s\e[m\e(B\e[?25h\e[%d;1H' "$text" "$status" $k
	painted=0
}

# screen_clock draws the status line alone, with the time.
screen_clock() { printf '\e7\e[24;1H\e[7m%-70s %(%T)T\e[m\e(B\e8' "${status:0:60}" -1; }

# screen_detach is the end of tmux: the terminal is cleared and plain again.
screen_detach() {
	tmux=''
	printf '\e[1;0r\e[m\e(B\e[H\e[J\e[?25h\e[?2004l\e[?7727l\e[?1004l[terminated]\n'
	printf '\e[!p\e]104\a\e[?7h\e[6n\e[32766;32766H\e[6n\e[r\e[H\e[3J\ec'
}

# screen_begin TEXT shows the beginning of a line that may still grow.
screen_begin() { printf '\r%s\e[K' "$1"; }

# screen_line TEXT: what is wider than the screen wraps without a line end in
# the stream.
screen_line() {
	local rest=$1
	screen_begin "$rest"
	while ((${#rest} > 80)); do screen+=("${rest:0:80}") rest=${rest:80}; done
	screen+=("$rest")
	if ((${#screen[@]} < pane)); then
		echo
	else
		printf '\e[1;23r\e[23;1H\n\e[K\e[1;24r\e[23;1H'
	fi
	((++painted < 40)) || screen_repaint
}

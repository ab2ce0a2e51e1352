# The installer: the order of an installation, in Anaconda's words.

readonly version=10.0 # of the AlmaLinux release whose layout is rehearsed
readonly product="AlmaLinux $version" anaconda_version=40.22.3.57-1.el10
readonly rule='================================================================================'

end_in_installation() {
	at boot
	stage1
	start_stage2
	greet
	at start
	[[ -e $ks_path ]] || end_by_error 'The following mandatory spokes are not completed:
Installation source
Software selection
Installation Destination
Root password
User creation'
	info main "Found a kickstart file: $ks_path"
	[[ " ${section_names[*]} " != *' %pre '* ]] || say "$(clock) Running pre-installation scripts"
	run_scripts %pre
	at pre
	parse_kickstart
	say "$(clock) Not asking for remote desktop session because of an automated install"
	plan_installation
	run_steps
	end_complete
}

clock() { printf '%(%T)T' -1; }

# greet is what Anaconda says first. What dracut warned of is said again.
greet() {
	local title=' Installer errors encountered during boot '
	say 'Starting installer, one moment...'
	open_log
	[[ ! $stage1_errors ]] || say "$(clock) 
#############$title##############
$stage1_errors

###########${title}end #############"
	say "anaconda $anaconda_version for $product started.
 * installation log files are stored in /tmp during the installation
 * shell is available on TTY2 and in second TMUX pane (ctrl+b, then press 2)
 * if the graphical installation interface fails to start, try again with the
   inst.text bootoption to start text installation
 * when reporting a bug add logs from /tmp as separate text/plain attachments
This is imgasm's rehearsal: no AlmaLinux is installed, the words are Anaconda's."
	info main "/sbin/anaconda $anaconda_version"
	info main "this is imgasm's rehearsal, not Anaconda"
}

# parse_kickstart reads the file with its includes, which %pre may have written,
# as Anaconda's parser does and stops at the first error.
parse_kickstart() {
	info startup_utils "Parsing kickstart: $ks_path"
	read_kickstart $ks_path follow
	[[ ${#error_texts[@]} == 0 ]] || end_by_kickstart "${error_lines[0]}" "${error_texts[0]}"
	((${#warnings[@]})) || return 0
	say "
Some warnings occurred during reading the kickstart file:
$(printf '%s\n' "${warnings[@]}")"
	# shellcheck disable=SC2016
	! flag inst.ksstrict || end_by_kickstart 0 'Please modify your kickstart file to fix the warnings or remove the `ksstrict` option.'
}

# plan_installation is what happens until the hub goes on.
plan_installation() {
	local uefi=''
	begin 'Starting automated install'
	at hub
	begin .
	say 'Saving storage configuration...'
	[[ ! -e /sys/firmware/efi ]] || uefi=yes
	plan_partitions "$uefi"
	begin ..
	say 'Checking storage configuration...'
	say ..
	say "$(hub x '(Local media)                            (Custom software selected)' '(Custom partitioning selected)           (Connected: eth0)')

$rule
$rule"
	say Progress
}

# hub MARK SOURCES DISKS is the summary hub as text mode draws it.
hub() {
	cat <<END
$rule
$rule
Installation

1) [x] Language settings                 2) [x] Time settings
       (English (United States))                (UTC timezone)
3) [$1] Installation source               4) [$1] Software selection
       $2
5) [$1] Installation Destination          6) [x] Network configuration
       $3
END
}

# run_steps does one after another: what the console says, the queue in the log,
# what is done.
run_steps() {
	info installation 'Task started: Installation queue (1/2)'
	queue 'Installation queue'
	step 'Setting up the installation environment' 'Installation environment setup' mkdir -p $sysimage
	step 'Configuring storage' 'Early storage configuration' configure_storage
	step 'Running pre-installation scripts' 'Pre-install scripts' run_scripts %pre-install
	step 'Running pre-installation tasks' 'Pre install tasks'
	step 'Installing the software' 'Payload installation' install_packages
	step 'Installing boot loader' 'Bootloader installation' install_bootloader
	step 'Performing post-installation setup tasks' 'Post-installation setup tasks'
	log DEBUG anaconda "anaconda: installation: Task completed: Installation queue (1/2) ($SECONDS.0 s)"
	info installation 'Task started: Configuration queue (2/2)'
	queue 'Configuration queue'
	step 'Importing certificates' 'Certificates import'
	step 'Configuring installed system' 'Installed system configuration' configure_system
	step 'Writing network configuration' '' each note_hostname network
	step 'Creating users' 'User creation' create_users
	step 'Configuring addons' 'Anaconda addon configuration'
	step 'Generating initramfs' 'Initramfs generation' write_initramfs
	step 'Storing configuration files and kickstarts' 'Write configs and kickstarts' store_kickstart
	step 'Running post-installation scripts' 'Post installation scripts' run_scripts %post $sysimage
	log DEBUG anaconda "anaconda: installation: Task completed: Configuration queue (2/2) ($SECONDS.0 s)"
	info installation 'All tasks in the installation queue are done. Installation successfully finished.'
}

queues=0
queue() { info installation "Queue started: $1 ($((++queues))/16)"; }

# step SAYS QUEUE [COMMAND…]
step() {
	[[ ! $2 ]] || queue "$2"
	say "$1"
	at "$1"
	"${@:3}"
	say .
}

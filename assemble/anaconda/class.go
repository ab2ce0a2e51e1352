package anaconda

// Class groups failures by what a person has to look at.
type Class string

// The classes.
const (
	ClassBoot       Class = "boot"       // firmware or boot loader found nothing to start
	ClassKernel     Class = "kernel"     // the guest's kernel died
	ClassCPU        Class = "cpu"        // the guest needs a newer processor than it was given
	ClassMemory     Class = "memory"     // the guest has too little memory
	ClassMedia      Class = "media"      // the installation medium is damaged
	ClassStage1     Class = "stage1"     // the initramfs could not go on
	ClassKickstart  Class = "kickstart"  // the kickstart is wrong, missing or incomplete
	ClassScript     Class = "script"     // %pre, %pre-install or %post failed
	ClassStorage    Class = "storage"    // disks, partitions, file systems
	ClassBootloader Class = "bootloader" // the boot loader could not be installed
	ClassRepository Class = "repository" // an installation source could not be read
	ClassPackages   Class = "packages"   // packages or groups are missing or contradict each other
	ClassDownload   Class = "download"   // packages could not be downloaded
	ClassSpace      Class = "space"      // the guest's disk is too small
	ClassPayload    Class = "transaction"
	ClassCrash      Class = "crash"    // the installer itself died
	ClassPrompt     Class = "prompt"   // the installer waits for an answer that nobody will give
	ClassHardware   Class = "hardware" // what the installer takes for broken hardware
	ClassSystem     Class = "system"   // systemd in the guest gave up
	ClassInstaller  Class = "installer"
	ClassEnded      Class = "ended" // the guest ended before the installation was complete
	ClassStall      Class = "stall" // silence
	ClassHost       Class = "host"  // QEMU or the host, not the guest
)

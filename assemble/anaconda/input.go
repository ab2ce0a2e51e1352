package anaconda

import (
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// Input is one thing that was observed, and when. At is the time since QEMU
// started; it never goes back. The time that the host slept counts only if the
// caller's clock counts it: the machine never concludes anything from a gap
// between two inputs.
type Input struct {
	At   time.Duration
	What What
}

// What is the observation: one of Console, Log, Progress, QMP, Blocks, Tick,
// Exit, Suspended and End.
type What interface{ observation() }

type (
	// Console is a record of the guest's serial console.
	Console console.Record

	// Log is a line of Anaconda's own log on the virtio port
	// org.fedoraproject.anaconda.log.0, without its newline. The format of
	// rsyslog's template anaconda_syslog and that of /tmp/anaconda.log are
	// both understood.
	Log struct {
		Line int // 1-based, in the kept log
		Text string
		// File is the name of another log that the installer kept, such as
		// packaging.log. Its lines explain; they advance and decide nothing.
		File string
	}

	// Progress is a line of the port org.imgasm.progress.0, without its newline.
	Progress struct {
		Line int // 1-based, in the kept log
		Text string
	}

	// QMP is an event of QEMU's monitor.
	QMP struct {
		Name string
		Data map[string]any
	}

	// Blocks is the sum of the block statistics of all drives since QEMU started.
	Blocks struct {
		WrittenBytes, ReadBytes int64
	}

	// Tick says that time passes. One a second is enough; none is needed
	// while other inputs come.
	Tick struct{}

	// Exit says that the QEMU process ended.
	Exit struct {
		Code   int    // exit status; meaningless if Signal is set
		Signal string // name of the signal that killed it, "" if none
		Stderr string // the end of what it printed
	}

	// Suspended says that the host slept, or that the guest's clock was
	// stopped, for so long: silence during that time proves nothing.
	Suspended struct{ For time.Duration }

	// End says that nothing more will come, as at the end of a recorded
	// console. What is known by then decides.
	End struct{}
)

func (Console) observation()   {}
func (Log) observation()       {}
func (Progress) observation()  {}
func (QMP) observation()       {}
func (Blocks) observation()    {}
func (Tick) observation()      {}
func (Exit) observation()      {}
func (Suspended) observation() {}
func (End) observation()       {}

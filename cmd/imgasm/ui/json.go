// The JSON style: one event a line, for programs.

package ui

import (
	"encoding/json"
	"io"

	"github.com/imgasm/imgasm/internal/event"
)

type jsonView struct{ enc *json.Encoder }

func newJSONView(w io.Writer) *jsonView {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &jsonView{enc: enc}
}

// What cannot be written is lost. Where nobody reads any more, the write's SIGPIPE ends the build.
func (v *jsonView) event(e event.Event) { _ = v.enc.Encode(e) }
func (v *jsonView) tick()               {}
func (v *jsonView) close()              {}

// Package lsp serves editors with what package kickstart knows: findings while
// one types, formatting, explanations and completion. It speaks the Language
// Server Protocol 3.17 over a pair of streams; the numbers in comments are
// chapters of its specification.
package lsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// Options of a server. The zero value is for complete RHEL 10 kickstarts.
type Options struct {
	Dialect  kickstart.Dialect
	Fragment bool
	Version  string // of the program, for the client's log; may be empty
}

// errNoShutdown is a client that says exit without having said shutdown.
var errNoShutdown = errors.New("lsp: the client left without a shutdown")

// Serve answers one client until it says exit (nil), leaves, or ctx ends: then
// the error is ctx's cause. It reads from r one message at a time and writes
// whole messages to w. When it returns, a read of r may still be waiting.
func Serve(ctx context.Context, r io.Reader, w io.Writer, o Options) error {
	s := &server{out: w, options: o, documents: map[string]*document{}}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	for in := range received(ctx, bufio.NewReader(r)) {
		m, err := in.message, in.err
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return errNoShutdown
		case errors.Is(err, errSyntax):
			if err := writeMessage(w, message{ID: &null, Error: &rpcError{codeParse, err.Error()}}); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		if m.Method == "exit" {
			if !s.down {
				return errNoShutdown
			}
			return nil
		}
		if err := s.take(m); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// incoming is a message, or why there is none.
type incoming struct {
	message *message
	err     error
}

// received yields what a client sends, until ctx ends.
func received(ctx context.Context, r *bufio.Reader) iter.Seq[incoming] {
	messages := make(chan incoming)
	go func() {
		for ctx.Err() == nil {
			m, err := readMessage(r)
			select {
			case messages <- incoming{m, err}:
			case <-ctx.Done():
			}
			if err != nil && !errors.Is(err, errSyntax) {
				return // nothing that comes behind it could be told apart
			}
		}
	}()
	return func(yield func(incoming) bool) {
		for {
			select {
			case in := <-messages:
				if !yield(in) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

type server struct {
	out       io.Writer
	options   Options
	documents map[string]*document // by URI
	ready     bool                 // initialize was answered
	down      bool                 // shutdown was answered
}

// take handles a message. The error is one of writing.
func (s *server) take(m *message) error {
	if m.Method == "" {
		return nil // a response; we ask nothing
	}
	if m.ID == nil {
		return s.notified(m)
	}
	result, failure := s.answer(m)
	if failure != nil {
		return writeMessage(s.out, message{ID: m.ID, Error: failure})
	}
	if result == nil {
		result = null
	}
	return writeMessage(s.out, message{ID: m.ID, Result: result})
}

// answer handles a request.
func (s *server) answer(m *message) (any, *rpcError) {
	switch {
	case m.Method == "initialize":
		return s.initialize(m.Params)
	case !s.ready:
		return nil, &rpcError{codeNotInitialized, "initialize comes first"}
	case s.down:
		return nil, &rpcError{codeInvalidRequest, "after shutdown only exit is allowed"}
	}
	var p struct {
		TextDocument struct {
			URI string `json:"uri"`
		} `json:"textDocument"`
		Position position `json:"position"`
	}
	if len(m.Params) > 0 {
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return nil, &rpcError{codeInvalidParams, err.Error()}
		}
	}
	if m.Method == "shutdown" {
		s.down = true
		return nil, nil
	}
	d := s.documents[p.TextDocument.URI]
	if d == nil {
		if strings.HasPrefix(m.Method, "textDocument/") {
			return nil, &rpcError{codeInvalidParams, "the document is not open"}
		}
		return nil, &rpcError{codeNoMethod, m.Method}
	}
	switch m.Method {
	case "textDocument/formatting":
		return s.formatting(d)
	case "textDocument/hover":
		return s.hover(d, p.Position), nil
	case "textDocument/completion":
		return s.completion(d, p.Position), nil
	}
	return nil, &rpcError{codeNoMethod, m.Method}
}

// initialize tells what we can do (3.15). initializationOptions may hold
// "dialect" and "fragment".
func (s *server) initialize(params json.RawMessage) (any, *rpcError) {
	var p struct {
		Options struct {
			Dialect  *string `json:"dialect"`
			Fragment *bool   `json:"fragment"`
		} `json:"initializationOptions"`
	}
	if len(params) > 0 {
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, &rpcError{codeInvalidParams, err.Error()}
		}
	}
	if p.Options.Dialect != nil {
		d, err := kickstart.DialectByName(*p.Options.Dialect)
		if err != nil {
			return nil, &rpcError{codeInvalidParams, err.Error()}
		}
		s.options.Dialect = d
	}
	if p.Options.Fragment != nil {
		s.options.Fragment = *p.Options.Fragment
	}
	s.ready = true
	type object map[string]any
	return object{
		"capabilities": object{
			"textDocumentSync":           object{"openClose": true, "change": 1}, // whole documents
			"documentFormattingProvider": true,
			"hoverProvider":              true,
			"completionProvider":         object{"triggerCharacters": []string{"-", "%"}},
			"positionEncoding":           "utf-16",
		},
		"serverInfo": object{"name": "imgasm", "version": s.options.Version},
	}, nil
}

// notified handles a notification. Unknown ones are nothing to us.
func (s *server) notified(m *message) error {
	var p struct {
		TextDocument struct {
			URI     string `json:"uri"`
			Version *int   `json:"version"`
			Text    string `json:"text"`
		} `json:"textDocument"`
		ContentChanges []struct {
			Text string `json:"text"`
		} `json:"contentChanges"`
	}
	if !s.ready || s.down || !strings.HasPrefix(m.Method, "textDocument/did") {
		return nil
	}
	if err := json.Unmarshal(m.Params, &p); err != nil {
		return nil // there is nobody to tell
	}
	uri := p.TextDocument.URI
	switch m.Method {
	case "textDocument/didOpen":
		return s.open(uri, p.TextDocument.Version, p.TextDocument.Text)
	case "textDocument/didChange":
		if n := len(p.ContentChanges); n > 0 && s.documents[uri] != nil {
			return s.open(uri, p.TextDocument.Version, p.ContentChanges[n-1].Text)
		}
	case "textDocument/didClose":
		if s.documents[uri] != nil {
			delete(s.documents, uri)
			return s.publish(uri, nil, []diagnostic{})
		}
	}
	return nil
}

// open keeps a document's text and tells what is wrong with it.
func (s *server) open(uri string, version *int, text string) error {
	file, err := kickstart.Parse(path.Base(uri), []byte(text))
	if err != nil {
		delete(s.documents, uri)
		return s.publish(uri, version, []diagnostic{{Severity: 1, Source: "imgasm", Message: err.Error()}})
	}
	d := newDocument(file)
	s.documents[uri] = d
	found := []diagnostic{}
	for _, f := range kickstart.Lint(file, kickstart.LintOptions{Dialect: s.options.Dialect, Fragment: s.options.Fragment}) {
		found = append(found, d.diagnostic(f))
	}
	return s.publish(uri, version, found)
}

func (s *server) publish(uri string, version *int, found []diagnostic) error {
	params, err := json.Marshal(struct {
		URI         string       `json:"uri"`
		Version     *int         `json:"version,omitempty"`
		Diagnostics []diagnostic `json:"diagnostics"`
	}{uri, version, found})
	if err != nil {
		return err
	}
	return writeMessage(s.out, message{Method: "textDocument/publishDiagnostics", Params: params})
}

// formatting replaces the whole document, or nothing when it is formatted.
func (s *server) formatting(d *document) (any, *rpcError) {
	out, err := kickstart.Format(d.file)
	if err != nil {
		return nil, &rpcError{codeInvalidRequest, err.Error()}
	}
	if bytes.Equal(out, d.text) {
		return []textEdit{}, nil
	}
	return []textEdit{{Range: span{End: d.position(len(d.text))}, NewText: string(out)}}, nil
}

// hover explains the command, option or section under the cursor.
func (s *server) hover(d *document, at position) any {
	words := d.wordsAt(d.offset(at))
	if len(words) == 0 {
		return nil
	}
	ask := []string{words[0].Value}
	last := words[len(words)-1]
	if len(words) > 1 {
		if !strings.HasPrefix(last.Value, "--") {
			return nil
		}
		ask = append(ask, last.Value)
	}
	text, err := kickstart.Explain(ask, s.options.Dialect)
	if err != nil {
		return nil
	}
	return struct {
		Contents markup `json:"contents"`
		Range    span   `json:"range"`
	}{
		// A block keeps the columns of the text.
		markup{Kind: "markdown", Value: fmt.Sprintf("```text\n%s```", text)},
		span{d.position(last.Pos.Offset), d.position(last.End.Offset)},
	}
}

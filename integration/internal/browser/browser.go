package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a command may take, or something that a test waits for.
const patience = time.Minute

// message is a message of the protocol, in either direction.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Browser is a running Chromium.
type Browser struct {
	t     testing.TB
	to    *os.File
	ended chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	last    int64
	waiting map[int64]chan message
	pages   map[string]*Page // by session
}

// Start starts a Chromium, or skips the test if there is none.
func Start(t testing.TB, flags ...string) *Browser {
	t.Helper()
	binary, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	theirIn, ourOut := pipe(t)
	ourIn, theirOut := pipe(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(),
	}, flags...)...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // descriptors 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	b := &Browser{t: t, to: ourOut, ended: make(chan struct{}), waiting: make(map[int64]chan message), pages: make(map[string]*Page)}
	go b.read(ourIn)
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		<-b.ended
		_, _ = ourIn.Close(), ourOut.Close()
	})
	return b
}

func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// read hands out what the browser says, until it ends.
func (b *Browser) read(from *os.File) {
	defer close(b.ended)
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.take(m)
		}
	}
}

func (b *Browser) take(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.ID == 0 {
		if p := b.pages[m.Session]; p != nil {
			p.take(m)
		}
		return
	}
	if answer := b.waiting[m.ID]; answer != nil {
		delete(b.waiting, m.ID)
		answer <- m
	}
}

// command sends a command and returns its result.
func (b *Browser) command(session, method string, params any) (json.RawMessage, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.last++
	m := message{ID: b.last, Session: session, Method: method, Params: raw}
	b.waiting[m.ID] = answer
	b.mu.Unlock()
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		if a.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		return a.Result, nil
	case <-b.ended:
		return nil, fmt.Errorf("%s: the browser has ended", method)
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

// do is command for what must work; result may be nil.
func (b *Browser) do(session, method string, params, result any) {
	b.t.Helper()
	raw, err := b.command(session, method, params)
	if err == nil && result != nil {
		err = json.Unmarshal(raw, result)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Page opens a page without an address, of a width and a height.
func (b *Browser) Page(width, height int) *Page {
	b.t.Helper()
	var target struct{ TargetID string }
	b.do("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p := &Page{b: b, session: attached.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	for _, domain := range []string{"Runtime", "Page", "Log", "Network", "Audits"} {
		p.do(domain+".enable", map[string]any{}, nil)
	}
	p.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	p.do("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	return p
}

// Page is an open page.
type Page struct {
	b       *Browser
	session string
	faults  []string // guarded by b.mu
}

func (p *Page) do(method string, params, result any) {
	p.b.t.Helper()
	p.b.do(p.session, method, params, result)
}

// take notes what a page must not do: throw, complain, ask, or be stopped by its policy. The browser's lock is held.
func (p *Page) take(m message) {
	faults := []string{
		"Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Audits.issueAdded",
	}
	var entry struct {
		Type  string
		Entry struct{ Level, Source string }
	}
	if json.Unmarshal(m.Params, &entry) != nil {
		return
	}
	complains := m.Method == "Runtime.consoleAPICalled" && (entry.Type == "error" || entry.Type == "warning" || entry.Type == "assert") ||
		m.Method == "Log.entryAdded" && entry.Entry.Level == "error" && entry.Entry.Source != "network" // calls may fail
	if complains || slices.Contains(faults, m.Method) {
		p.faults = append(p.faults, m.Method+" "+string(m.Params))
	}
}

// Faults returns what the page has done that it must not do, and forgets it.
func (p *Page) Faults() []string {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	faults := p.faults
	p.faults = nil
	return faults
}

// Open goes to an address.
func (p *Page) Open(address string) {
	p.b.t.Helper()
	p.do("Page.navigate", map[string]any{"url": address}, nil)
}

// Frames returns the addresses of the frames in the page.
func (p *Page) Frames() (list []string) {
	p.b.t.Helper()
	var tree struct {
		FrameTree struct {
			ChildFrames []struct{ Frame struct{ URL string } }
		}
	}
	p.do("Page.getFrameTree", map[string]any{}, &tree)
	for _, child := range tree.FrameTree.ChildFrames {
		list = append(list, child.Frame.URL)
	}
	return list
}

// Eval returns the value of an expression, in JSON's types; a promise is awaited.
func (p *Page) Eval(expression string) any {
	p.b.t.Helper()
	value, err := p.eval(expression)
	if err != nil {
		p.b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (p *Page) eval(expression string) (any, error) {
	raw, err := p.b.command(p.session, "Runtime.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	})
	if err != nil {
		return nil, err
	}
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return nil, err
	}
	if e := got.ExceptionDetails; e != nil {
		return nil, fmt.Errorf("%s %s", e.Text, e.Exception.Description)
	}
	return got.Result.Value, nil
}

// Wait waits until an expression is true.
func (p *Page) Wait(expression string) {
	p.b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		value, err := p.eval("Boolean(" + expression + ")")
		if value == true {
			return
		}
		if time.Now().After(deadline) {
			text, _ := p.eval("location.href + '\\n' + document.body.innerText")
			p.b.t.Fatalf("%s does not become true: %v\n%v\n%q", expression, err, text, p.Faults())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Key presses a key by its name, such as "Enter" or "a".
func (p *Page) Key(name string) {
	p.b.t.Helper()
	codes := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40}
	event := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
	if len(name) == 1 {
		event["text"] = name
	} else if name == "Enter" {
		event["text"] = "\r"
	}
	p.do("Input.dispatchKeyEvent", event, nil)
	event["type"] = "keyUp"
	delete(event, "text")
	p.do("Input.dispatchKeyEvent", event, nil)
}

// Type types a text.
func (p *Page) Type(text string) {
	p.b.t.Helper()
	p.do("Input.insertText", map[string]any{"text": text}, nil)
}

// Screenshot returns the page as a PNG, in base64.
func (p *Page) Screenshot() string {
	p.b.t.Helper()
	var shot struct{ Data string }
	p.do("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	return shot.Data
}

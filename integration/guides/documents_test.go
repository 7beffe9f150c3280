package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/integration/internal/testkit"
)

// document is a text whose console blocks a reader types from top to bottom, in the root of the repository.
type document struct {
	file string
	// elsewhere are the beginnings of commands that this test does not run, with the reason.
	elsewhere map[string]string
	// before are things to do before the command that begins so, as the text around it says.
	before map[string]func()
	// places are the paths of an installation, and what stands for them here.
	places *strings.Replacer
}

// TestDocuments follows the README and the guide to operating on one daemon, and compares what the commands print.
func TestDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles large guests")
	}
	dir := t.TempDir()
	data, socket, config, backups := filepath.Join(dir, "data"), filepath.Join(dir, "s"), filepath.Join(dir, "reactord.yaml"), filepath.Join(dir, "backup")
	places := strings.NewReplacer(
		"/etc/reactord/reactord.yaml", config, "/var/lib/reactord", data, "/run/reactord/reactord.sock", socket, "/backup/", backups+"/",
		"sudo -u reactord ", "", "sudo ", "", // the daemon's user is that of the test
		"reactord-2026-11-26", "reactord-$(date +%F)",
	)
	settings, err := os.ReadFile("../../deploy/reactord.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(places.Replace(string(settings))), 0o600); err != nil {
		t.Fatal(err)
	}
	d := testkit.StartGuarded(t, data, nil, "--listen=unix:"+socket, "--grace-period=none")
	g := &guide{dir: "../..", daemon: d, address: testkit.FreeAddress(t)}
	for _, doc := range []document{
		{
			file:   "README.md",
			places: strings.NewReplacer(),
			elsewhere: map[string]string{
				"go run ./cmd/reactord demo": "TestDemoTable does",
				"go install ":                "it changes the machine",
				"reactord ":                  "the daemon runs already",
				"reactorctl dev ":            "it lasts until it is interrupted; TestDevGuide runs some",
				"reactorctl serve ":          "it lasts until it is interrupted; TestServeCommand runs one",
			},
		},
		{
			file: "docs/operations.md",
			elsewhere: map[string]string{
				"sudoedit ": "it is an editor", "sudo systemctl ": "there is no systemd", "docker ": "there is no container",
				"reactorctl module push ./hello.wasm oci://": "there is no such registry; TestCtlRegistry has one", "reactorctl run oci://": "likewise", "reactorctl module pull oci://": "likewise",
				"reactord --ui ": "it is another daemon; TestUI has one", "echo \"http://": "it is for a browser", "reactord --metrics ": "it is another daemon; TestMetrics has one", "curl ": "likewise",
			},
			before: map[string]func(){
				"reactorctl submit --id web ": func() { g.must(t, "reactorctl cancel web; reactorctl rm web") }, // the README's
				"mv ":                         func() { d.Stop() },
			},
			places: places,
		},
	} {
		t.Run(filepath.Base(doc.file), func(t *testing.T) { doc.follow(t, g) })
	}
	if out, err := g.shell(t, "reactord store check --data-dir "+data); err != nil {
		t.Errorf("the store that was restored: %v\n%s", err, out)
	}
}

// must runs a command line that has to succeed.
func (g *guide) must(t *testing.T, command string) {
	t.Helper()
	if out, err := g.shell(t, command); err != nil {
		t.Fatalf("$ %s\n%s\n%v", command, out, err)
	}
}

func (doc *document) follow(t *testing.T, g *guide) {
	text, err := os.ReadFile(filepath.Join(g.dir, doc.file))
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]bool{}
	starts := func(line string, all []string) bool {
		i := slices.IndexFunc(all, func(begin string) bool { return strings.HasPrefix(line+" ", begin) })
		if i >= 0 {
			passed[all[i]] = true
		}
		return i >= 0
	}
	for _, c := range typed(string(text)) {
		if starts(c.line, keys(doc.elsewhere)) {
			continue
		}
		for begin, prepare := range doc.before {
			if starts(c.line, []string{begin}) {
				prepare()
			}
		}
		c.line = doc.places.Replace(c.line)
		t.Logf("$ %s", c.line)
		c.check(t, g)
	}
	for _, begin := range slices.Concat(keys(doc.elsewhere), keys(doc.before)) {
		if !passed[begin] {
			t.Errorf("%s has no command that begins with %q", doc.file, begin)
		}
	}
}

func keys[V any](m map[string]V) (all []string) {
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// command is a command line of a document, and what it prints.
type command struct {
	line, prints string
}

var console = regexp.MustCompile("(?ms)^```\n(\\$ .*?)^```$")

// typed returns the commands of a document's console blocks. Lines that begin with a space are a command's output.
func typed(text string) (all []command) {
	for _, block := range console.FindAllStringSubmatch(text, -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			line, prints, _ := strings.Cut(part, "\n")
			all = append(all, command{line, prints})
		}
	}
	return all
}

// looks are the beginnings of commands that only look at what comes about by itself.
var looks = regexp.MustCompile(`^(?:curl|reactorctl (?:list|logs|ops|status)) `)

// check runs the command and compares what it prints, if the document says that.
func (c command) check(t *testing.T, g *guide) {
	t.Helper()
	deadline := time.Now().Add(testkit.Patience / 3)
	for {
		printed, err := g.shell(t, c.line)
		want, got := g.shape(c.prints), g.shape(printed)
		switch {
		case want == "" && err != nil:
			t.Fatalf("$ %s\n%s\n%v", c.line, printed, err)
		case want == "" || matches(want, got):
			return
		case !looks.MatchString(c.line+" ") || time.Now().After(deadline):
			t.Errorf("$ %s (-the document +the command)\n%s", c.line, cmp.Diff(want, got))
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// What differs from run to run.
var (
	moment  = regexp.MustCompile(`\d{4}[-/]\d\d[-/]\d\d[T ][\d:.]+Z?`)
	digest  = regexp.MustCompile(`[0-9a-f]{64}`)
	chosen  = regexp.MustCompile(`\b([a-z]+(?:-[a-z]+)*)-[a-z0-9]{10}\b`) // an id
	figures = regexp.MustCompile(`\b[0-9][0-9a-fµ.,:msh-]*( [KMG]iB| B)?\b`)
	gaps    = regexp.MustCompile(`  +`)
	waited  = regexp.MustCompile(`(?m)^(waited +).*$`) // which waits it had is a matter of luck
)

// shape is what output has in common from run to run.
func (g *guide) shape(text string) string {
	if _, port, ok := strings.Cut(g.address, ":"); ok {
		text = strings.ReplaceAll(text, ":"+port, ":8080")
	}
	text = moment.ReplaceAllString(text, "TIME")
	text = digest.ReplaceAllString(text, "DIGEST")
	text = chosen.ReplaceAllString(text, "$1-ID")
	text = waited.ReplaceAllString(text, "$1")
	text = figures.ReplaceAllString(text, "#")
	return strings.TrimSpace(gaps.ReplaceAllString(text, "  "))
}

// The README's figures of the demo have the names that the demo prints, as TestDemoTable knows them.
func TestDemoFigures(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.ReadFile("../testdata/screens/demo.txt")
	if err != nil {
		t.Fatal(err)
	}
	figures, _, _ := strings.Cut(string(screen), "\n\n")
	_, block, found := strings.Cut(string(readme), "```\nsubmitted ")
	block, _, _ = strings.Cut("submitted "+block, "\n```")
	if diff := cmp.Diff(names(figures), names(block)); !found || diff != "" {
		t.Errorf("(-the demo +the README)\n%s", diff)
	}
}

// names is the left column of a screen.
func names(screen string) (all []string) {
	for line := range strings.Lines(screen) {
		name, _, _ := strings.Cut(line, "  ")
		all = append(all, name)
	}
	return all
}

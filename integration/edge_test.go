package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// signatures are the functions of WASI preview 1 with their parameters: f is a descriptor, i
// another i32, I an i64. proc_exit and proc_raise are missing: they end the guest.
var signatures = map[string]string{
	"args_get":                "ii",
	"args_sizes_get":          "ii",
	"environ_get":             "ii",
	"environ_sizes_get":       "ii",
	"clock_res_get":           "ii",
	"clock_time_get":          "iIi",
	"fd_advise":               "fIIi",
	"fd_allocate":             "fII",
	"fd_close":                "f",
	"fd_datasync":             "f",
	"fd_fdstat_get":           "fi",
	"fd_fdstat_set_flags":     "fi",
	"fd_fdstat_set_rights":    "fII",
	"fd_filestat_get":         "fi",
	"fd_filestat_set_size":    "fI",
	"fd_filestat_set_times":   "fIIi",
	"fd_pread":                "fiiIi",
	"fd_prestat_get":          "fi",
	"fd_prestat_dir_name":     "fii",
	"fd_pwrite":               "fiiIi",
	"fd_read":                 "fiii",
	"fd_readdir":              "fiiIi",
	"fd_renumber":             "ff",
	"fd_seek":                 "fIii",
	"fd_sync":                 "f",
	"fd_tell":                 "fi",
	"fd_write":                "fiii",
	"path_create_directory":   "fii",
	"path_filestat_get":       "fiiii",
	"path_filestat_set_times": "fiiiIIi",
	"path_link":               "fiiifii",
	"path_open":               "fiiiiIIii",
	"path_readlink":           "fiiiii",
	"path_remove_directory":   "fii",
	"path_rename":             "fiifii",
	"path_symlink":            "iifii",
	"path_unlink_file":        "fii",
	"poll_oneoff":             "iiii",
	"random_get":              "ii",
	"sched_yield":             "",
	"sock_accept":             "fii",
	"sock_recv":               "fiiiii",
	"sock_send":               "fiiii",
	"sock_shutdown":           "fi",
}

// vectors is where edgeProgram puts pointers with lengths that reach beyond the memory.
const vectors = 4096

// edges are the numbers at which pointers and lengths go wrong in a memory of one page.
var edges = []int64{0, 1, 8, vectors, vectors + 8, 65528, 65535, 65536, 65537, 1<<31 - 1, 1 << 31, 1<<32 - 1, -8}

// descriptors are stdio, a folder, a file that edgeProgram opens, and one that is not there.
var descriptors = []int64{0, 1, 3, 4, 99, 1<<32 - 1}

// edgeProgram calls one function with every edge for all arguments together, and for each argument
// while the others are harmless.
func edgeProgram(function string) *testkit.Program {
	params := signatures[function]
	p := &testkit.Program{}
	open := p.Import(wasi, "path_open", "iiiiiIIii", true)
	target := p.Import(wasi, function, strings.ReplaceAll(params, "f", "i"), true)
	p.Store(1024, "file")
	p.Store(vectors, "\xfa\xff\x00\x00\x64\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff")
	p.Call(open, 3, 0, 1024, 4, 1, -1, -1, 0, 2048) // creates the file: descriptor 4
	const harmless = 16
	for _, fd := range descriptors {
		if function == "fd_allocate" && fd == 4 {
			continue // which would be gigabytes of the disk
		}
		for _, edge := range edges {
			for position := -1; position < len(params); position++ {
				args := make([]int64, len(params))
				for i, kind := range params {
					switch {
					case kind == 'f':
						args[i] = fd
					case position == -1 || position == i:
						args[i] = edge
					default:
						args[i] = harmless
					}
				}
				p.Call(target, args...)
			}
		}
		if !strings.Contains(params, "f") {
			break
		}
	}
	return p
}

// Whatever a guest passes to a host call, it gets an errno back: the host call neither traps nor
// touches what is outside of the guest's memory, and the daemon does not mind.
func TestEdgesOfMemory(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	ids, folders := make(map[string]string), make(map[string]string)
	meanwhile(t, d, func() {
		for function := range signatures {
			folders[function] = t.TempDir()
			ids[function] = d.Submit(t, &reactorv1.WorkloadSpec{
				Module: d.Push(t, edgeProgram(function).Bytes("")),
				Name:   function,
				Grants: []*reactorv1.Grant{{Grant: &reactorv1.Grant_Directory{
					Directory: &reactorv1.DirectoryGrant{HostPath: folders[function], GuestPath: "/"},
				}}},
			})
		}
		for function, id := range ids {
			if s := d.WaitFor(t, id); s.GetState() != succeeded {
				t.Errorf("%s: %v", function, s)
			}
			if _, err := os.Stat(filepath.Join(folders[function], "file")); err != nil {
				t.Errorf("%s: the program did not begin: %v", function, err)
			}
		}
	})
	if log := d.Log(); strings.Contains(log, `"level":"error"`) {
		t.Errorf("the daemon has logged errors:\n%s", log)
	}
}

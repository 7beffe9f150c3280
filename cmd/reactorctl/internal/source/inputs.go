package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Inputs are the files from which a module is made, as far as a user edits them.
type Inputs struct {
	// Packages are the folders of the Go packages that the build uses: their .go files.
	Packages []string
	// Embedded are the folders with files that a package embeds: all files in them. (Those that lie in the package's
	// own folder are among Files.)
	Embedded []string
	// Files are further files: a .wasm file that is taken as it is, embedded files, go.mod and go.sum, go.work.
	Files []string
}

// Find returns the inputs of a MODULE argument that is a path. The packages are those of the main module, of the other
// modules of a workspace, and of those that a replace directive takes from a folder. If the code does not build, the
// inputs are those of the part that the go command could read.
func Find(ctx context.Context, arg string) (Inputs, error) {
	info, err := os.Stat(arg)
	if err != nil {
		return Inputs{}, fmt.Errorf("module %s: %w", arg, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return Inputs{Files: []string{arg}}, nil
	}
	folder, err := filepath.Abs(arg)
	if err != nil {
		return Inputs{}, err
	}
	in := Inputs{Packages: []string{folder}}
	packages, err := listPackages(ctx, folder)
	for _, p := range packages {
		in.add(p)
	}
	if err != nil {
		return in, err
	}
	workspace, err := goCommand(ctx, folder, "env", "GOWORK").Output()
	if file := strings.TrimSpace(string(workspace)); err == nil && filepath.IsAbs(file) {
		in.Files = append(in.Files, file)
	}
	in.compact()
	return in, err
}

// goPackage is what `go list` tells of a package.
type goPackage struct {
	Dir        string
	Standard   bool
	EmbedFiles []string
	Module     *struct {
		Main    bool
		GoMod   string
		Replace *struct{ Version string }
	}
}

// local reports whether the package is one that the user edits: it was not downloaded, and is not the Go installation's.
func (p goPackage) local() bool {
	switch {
	case p.Standard || p.Dir == "":
		return false
	case p.Module == nil: // vendored, or no module at all
		return false
	}
	return p.Module.Main || p.Module.Replace != nil && p.Module.Replace.Version == ""
}

func listPackages(ctx context.Context, folder string) ([]goPackage, error) {
	cmd := goCommand(ctx, folder, "list", "-e", "-deps", "-json=Dir,Standard,EmbedFiles,Module", ".")
	out, err := cmd.Output()
	if err != nil {
		return nil, buildError(folder, err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return packages, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

func (in *Inputs) add(p goPackage) {
	if !p.local() {
		return
	}
	in.Packages = append(in.Packages, p.Dir)
	if mod := p.Module.GoMod; mod != "" {
		in.Files = append(in.Files, mod, strings.TrimSuffix(mod, ".mod")+".sum")
	}
	for _, name := range p.EmbedFiles {
		path := filepath.Join(p.Dir, name)
		if filepath.Dir(path) == p.Dir {
			in.Files = append(in.Files, path)
		} else {
			in.Embedded = append(in.Embedded, filepath.Dir(path))
		}
	}
}

func (in *Inputs) compact() {
	for _, list := range []*[]string{&in.Packages, &in.Embedded, &in.Files} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

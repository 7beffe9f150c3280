package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed static
var static embed.FS

// kinds has the types of the page's files.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is a file of the page.
type asset struct {
	content   []byte
	kind, tag string
}

// assets are the files of the page, by their paths.
type assets map[string]asset

func newAssets() (assets, error) {
	files := make(assets)
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s is of no known kind", name)
		}
		files[name[len("static"):]] = asset{content, kind, fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(content))[:32])}
		return nil
	})
	files["/"] = files["/index.html"]
	return files, err
}

// ServeHTTP implements http.Handler. Browsers ask each time whether a file has changed, since another daemon may have other files.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a[r.URL.Path]
	switch {
	case !ok:
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the files of the page can only be read", http.StatusMethodNotAllowed)
	default:
		w.Header().Set("Content-Type", file.kind)
		w.Header().Set("ETag", file.tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
	}
}

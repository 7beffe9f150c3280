package guides

import "testing"

// TestComponentGuide follows docs/components.md: what it does with components that are there in the root of the repository,
// and how it makes one in C in a folder of its own. Making one in other languages takes the network.
func TestComponentGuide(t *testing.T) {
	const root = "../.."
	folders := map[string]string{"Calling": root, "Joining": root, "Calling other workloads": root, "Programs": root}
	followSections(t, root+"/docs/components.md", func(t *testing.T, g *guide, title string) {
		if folder, ok := folders[title]; ok {
			g.dir = folder
			delete(folders, title)
		} else if title == "C" {
			g.need(t, "wit-bindgen --version && wasm-tools --version && "+toolchains["C"], title)
		}
	})
	for title := range folders {
		t.Errorf("the guide has no commands in %q", title)
	}
}

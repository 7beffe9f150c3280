package names

import (
	"fmt"
	"strings"
)

// Kind is the kind of a name.
type Kind uint8

// The kinds of names.
const (
	Label          Kind = iota // "run"
	Constructor                // "[constructor]blob"
	Method                     // "[method]blob.read"
	Static                     // "[static]blob.merge"
	Interface                  // "wasi:io/poll@0.2.12"
	Implementation             // "url=<https://example.com/a.wasm>"; only imports have such names
)

// Name is a parsed name. Its parts are substrings of it.
type Name struct {
	Kind     Kind
	Text     string // the whole
	Resource string // Constructor, Method and Static: the label of the resource
	Label    string // Label: the whole; Method and Static: the label of the function
	Package  string // Interface: "wasi:io"
	Path     string // Interface: "wasi:io/poll"
	Version  string // Interface: "0.2.12", or empty
}

// Parse parses the name of an import or export. The error does not tell the name.
func Parse(text string) (Name, error) {
	n := Name{Text: text}
	annotation, rest, annotated := cutAnnotation(text)
	switch {
	case annotated && annotation == "constructor":
		n.Kind, n.Resource = Constructor, rest
		return n, checkLabel(rest)
	case annotated && (annotation == "method" || annotation == "static"):
		n.Kind = Method
		if annotation == "static" {
			n.Kind = Static
		}
		return n, n.cutResource(rest)
	case annotated:
		return Name{}, fmt.Errorf("there is no annotation [%s]", annotation)
	case strings.Contains(text, "="):
		n.Kind = Implementation
		return n, checkImplementation(text)
	case strings.Contains(text, ":"):
		n.Kind = Interface
		return n, n.cutInterface(text)
	}
	n.Label = text
	return n, checkLabel(text)
}

// cutAnnotation cuts "[annotation]" from the beginning of a name.
func cutAnnotation(text string) (annotation, rest string, ok bool) {
	if text, ok = strings.CutPrefix(text, "["); ok {
		annotation, rest, ok = strings.Cut(text, "]")
	}
	return annotation, rest, ok
}

// cutResource takes "resource.label" apart.
func (n *Name) cutResource(text string) error {
	resource, label, ok := strings.Cut(text, ".")
	if !ok {
		return fmt.Errorf("%q is not resource.function", text)
	}
	if err := checkLabel(resource); err != nil {
		return err
	}
	n.Resource, n.Label = resource, label
	return checkLabel(label)
}

// cutInterface takes "namespace:package/interface@version" apart.
func (n *Name) cutInterface(text string) error {
	path, version, versioned := strings.Cut(text, "@")
	n.Path, n.Version = path, version
	pkg, label, ok := strings.Cut(path, "/")
	if !ok {
		return fmt.Errorf("%q has no interface after the package", path)
	}
	n.Package = pkg
	if err := checkPackage(pkg); err != nil {
		return err
	}
	if err := checkLabel(label); err != nil {
		return err
	}
	if versioned && !IsVersion(version) && !IsTrack(version) {
		return fmt.Errorf("%q is not a version", version)
	}
	return nil
}

// checkPackage checks "namespace:package", of which the labels are in small letters.
func checkPackage(text string) error {
	namespace, pkg, ok := strings.Cut(text, ":")
	if !ok {
		return fmt.Errorf("%q has no namespace", text)
	}
	for _, words := range []string{namespace, pkg} {
		if err := checkLabel(words); err != nil {
			return err
		}
		if strings.ToLower(words) != words {
			return fmt.Errorf("%q is not in small letters", words)
		}
	}
	return nil
}

// IsLabel reports whether text is a label: words of small letters or acronyms of large ones, both with digits, with dashes
// between. The first begins with a letter.
func IsLabel(text string) bool {
	for i, fragment := range strings.Split(text, "-") {
		small, large, digits := false, false, false
		for _, c := range []byte(fragment) {
			switch {
			case c >= 'a' && c <= 'z':
				small = true
			case c >= 'A' && c <= 'Z':
				large = true
			case c >= '0' && c <= '9':
				if i == 0 && !small && !large {
					return false
				}
				digits = true
			default:
				return false
			}
		}
		if small && large || !small && !large && !digits {
			return false
		}
	}
	return true
}

func checkLabel(text string) error {
	if !IsLabel(text) {
		return fmt.Errorf("%q is not in kebab case, like is-XML-2", text)
	}
	return nil
}

// LabelKey returns what must differ of labels in one scope, such as the fields of a record: neither small and large letters nor
// dashes make a difference, since they have none in the names that generators of bindings make.
func LabelKey(label string) string { return strings.ReplaceAll(strings.ToLower(label), "-", "") }

// Key returns what must differ of names in one scope: it makes names strongly unique, in the words of the specification.
func (n Name) Key() string {
	switch n.Kind {
	case Method, Static:
		resource, label := LabelKey(n.Resource), LabelKey(n.Label)
		if resource == label {
			return label
		}
		return resource + "." + label
	case Implementation:
		return n.Text
	default:
		return LabelKey(n.Text)
	}
}
